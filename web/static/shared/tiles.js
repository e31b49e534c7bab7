// Paints the Layer values (layers/*.py) on canvas tiles. A classic script: the Folium page calls window.wangge.vectorTiles().
window.wangge = (() => {
  'use strict';
  const P = protomapsL;
  const FONT = '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';
  const DOT = 3.5; // pixels: a facility whose pictogram has no room
  const PINS_FROM = 16; // map zoom of the first pictograms, but for a chosen category
  const CHOSEN_RADIUS = 8; // pixels, at least, of the pictograms of a chosen category
  const PIN_RANK = 35; // among the labels: after the names of areas, before those of streets
  const FIRST_PAUSE_MS = 4000,
    LONGEST_PAUSE_MS = 60_000; // until lost tiles are asked for again
  const px = (stops) => P.linear(stops);

  function vectorTiles(map, config) {
    const visible = new Set(config.visible),
      hidden = new Set(config.hidden);
    let emphasis = config.emphasis; // {category, minutes}: of the facilities this category alone, as far as the map goes out

    const isShown = (layer, feature, zoom) =>
      layer.by === 'category'
        ? isFacilityShown(layer, feature.props.category, zoom)
        : config.source[layer.name] === 'service'
          ? Boolean(emphasis)
          : !layer.choice || visible.has(layer.name);
    const isFacilityShown = (layer, category, zoom) =>
      emphasis
        ? category === emphasis.category
        : visible.has(layer.name) && !hidden.has(category) && zoom >= (layer.styles[category]?.from_zoom ?? 0);
    // Between two zooms the tiles are those of the nearer one; what belongs to it alone waits for it.
    const isNear = (zoom) => map.getZoom() >= zoom;
    const styleOf = (layer, feature) => {
      const value = layer.by ? String(feature.props[layer.by] ?? '') : '';
      return value in layer.styles ? value : '';
    };

    function paintRules(layer) {
      const base = { dataSource: config.source[layer.name], dataLayer: layer.name, minzoom: layer.zooms[0] + 1 };
      const rules = [];
      const add = (key, symbolizer) =>
        rules.push({
          ...base,
          symbolizer,
          filter: (z, f) => isNear(base.minzoom) && isShown(layer, f, z) && styleOf(layer, f) === key,
        });
      const each = (make) =>
        layer.order.forEach((key) => {
          const symbolizer = make(layer.styles[key]);
          if (symbolizer) add(key, symbolizer);
        });
      const stroke = (style, colour, width, dash) =>
        new P.LineSymbolizer({
          color: colour,
          width: px(width),
          opacity: style.opacity,
          lineCap: dash ? 'butt' : 'round',
          lineJoin: 'round',
          ...(dash && dash.length ? { dash } : {}),
        });
      if (layer.kind === 'point') {
        each(
          (style) =>
            new P.CircleSymbolizer({
              fill: style.fill,
              stroke: style.stroke,
              width: px(style.width),
              radius: (z) => Math.min(px(style.radius)(z), DOT),
            }),
        );
        return rules;
      }
      each((style) => style.fill && new P.PolygonSymbolizer({ fill: style.fill, opacity: style.fill_opacity }));
      each((style) => style.casing && stroke(style, style.casing, style.casing_width));
      each((style) => style.stroke && stroke(style, style.stroke, style.width, style.dash));
      return rules;
    }

    // Pictograms are placed like labels: where there is no room for two, the less important stays a dot.
    function pinRules(layer) {
      if (layer.kind !== 'point' || !Object.keys(layer.icons).length) return [];
      const rank = Object.fromEntries(layer.order.map((key, i) => [key, i]));
      const pins = Object.fromEntries(
        Object.entries(layer.styles).map(([key, style]) => [key, pin(style, layer.icons[key])]),
      );
      return [
        {
          rank: PIN_RANK,
          minzoom: layer.zooms[0] + 1,
          dataSource: config.source[layer.name],
          dataLayer: layer.name,
          filter: (z, f) => (emphasis || z >= PINS_FROM) && isShown(layer, f, z) && styleOf(layer, f) in pins,
          sort: (a, b) => (rank[a[layer.by]] ?? 99) - (rank[b[layer.by]] ?? 99),
          symbolizer: { place: (layout, geometry, f) => pins[styleOf(layer, f)].place(layout, geometry) },
        },
      ];
    }

    function labelRules(layer) {
      return layer.labels.map((label) => {
        const text = {
          labelProps: [label.prop],
          fontFamily: FONT,
          fontWeight: label.weight,
          fontSize: px(label.size),
          fill: label.colour,
          stroke: label.halo,
          width: 1.6,
          maxLineChars: 14,
        };
        const symbolizer =
          layer.kind === 'line'
            ? new P.LineLabelSymbolizer({ ...text, position: 2 })
            : layer.kind === 'point'
              ? new P.OffsetTextSymbolizer({ ...text, offsetX: 15, placements: [3] })
              : new P.CenteredTextSymbolizer(text);
        return {
          rank: label.rank,
          minzoom: label.from_zoom,
          symbolizer,
          dataSource: config.source[layer.name],
          dataLayer: layer.kind === 'polygon' ? `${layer.name}_label` : layer.name,
          filter: (z, f) => isNear(label.from_zoom) && isShown(layer, f, z) && Boolean(f.props[label.prop]),
        };
      });
    }

    // A disc with its pictogram.
    function pin(style, path) {
      const radius = px(style.radius),
        width = px(style.width),
        glyph = path ? new Path2D(path) : null;
      return {
        place({ zoom: z }, geometry) {
          const at = geometry[0][0],
            r = emphasis ? Math.max(radius(z), CHOSEN_RADIUS) : radius(z),
            edge = r + width(z);
          const draw = (ctx) => {
            ctx.globalAlpha = 1;
            for (const [size, colour] of [
              [edge, style.stroke],
              [r, style.fill],
            ]) {
              ctx.beginPath();
              ctx.arc(0, 0, size, 0, 2 * Math.PI);
              ctx.fillStyle = colour;
              ctx.fill();
            }
            if (!glyph) return;
            const scale = r / 11.5;
            ctx.scale(scale, scale);
            ctx.translate(-7.5, -7.5);
            ctx.fillStyle = style.glyph;
            ctx.fill(glyph);
          };
          return [
            {
              anchor: at,
              bboxes: [{ minX: at.x - edge, minY: at.y - edge, maxX: at.x + edge, maxY: at.y + edge }],
              draw,
            },
          ];
        },
      };
    }

    // A source none of whose layers is shown is not asked at all.
    const isVisible = (name) =>
      name === 'service'
        ? Boolean(emphasis)
        : config.layers.some(
            (layer) => config.source[layer.name] === name && (!layer.choice || visible.has(layer.name)),
          );
    const addressOf = (name, z, x, y) =>
      config.sources[name]
        .replace('{category}', emphasis?.category)
        .replace('{minutes}', emphasis?.minutes)
        .replace('{z}', z)
        .replace('{x}', x)
        .replace('{y}', y);
    const source = (name) => ({
      async getZxy(z, x, y, signal) {
        if (!isVisible(name)) return undefined;
        try {
          const answer = await fetch(addressOf(name, z, x, y), { signal });
          if (!answer.ok) throw new Error(`tile ${name}/${z}/${x}/${y}: ${answer.status}`);
          return answer.status === 204 ? undefined : { data: await answer.arrayBuffer() };
        } catch (error) {
          if (error.name !== 'AbortError') lose();
          throw error;
        }
      },
    });

    // What could not be loaded is said once, and asked for again after a while that grows.
    let retry = 0,
      pause = FIRST_PAUSE_MS;
    function lose() {
      map.fire('tileslost');
      if (!retry) retry = setTimeout(again, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
    function again() {
      clearTimeout(retry);
      retry = 0;
      map.fire('tilesagain');
      Object.keys(config.sources).forEach(forget);
      layer.redraw();
    }
    const forget = (name) => layer.views.get(name).tileCache.cache.clear();

    const layer = P.leafletLayer({
      sources: Object.fromEntries(
        Object.keys(config.sources).map((name) => [name, { url: source(name), maxDataZoom: config.maxTileZoom }]),
      ),
      paintRules: config.layers.flatMap(paintRules),
      labelRules: config.layers
        .flatMap((layer) => [...pinRules(layer), ...labelRules(layer)])
        .sort((a, b) => a.rank - b.rank),
      backgroundColor: config.colours.paper.land,
      lang: config.language === 'zh' ? 'zh-Hans-CN' : 'en',
      attribution: '',
      maxZoom: 20,
    });
    layer.addTo(map);

    let drawnZoom = map.getZoom();
    map.on('zoomend', () => {
      const zoom = map.getZoom();
      const sameTiles = Math.round(zoom) === Math.round(drawnZoom);
      if (sameTiles && Math.floor(zoom) !== Math.floor(drawnZoom)) redraw();
      drawnZoom = zoom;
    });

    const redraw = () => {
      layer.clearLayout();
      layer.rerenderTiles();
    };
    return Object.assign(window.wangge, {
      map,
      layer,
      config,
      show(names) {
        const previous = Object.keys(config.sources).filter(isVisible);
        visible.clear();
        names.forEach((name) => visible.add(name));
        Object.keys(config.sources)
          .filter((name) => isVisible(name) && !previous.includes(name))
          .forEach(forget);
        redraw();
      },
      // One category alone with what it serves within some minutes; null: everything as the map comes closer.
      emphasise(next) {
        if (next?.category === emphasis?.category && next?.minutes === emphasis?.minutes) return;
        emphasis = next;
        forget('service');
        redraw();
      },
      again,
      // The facility drawn nearest to a place, within a finger's width.
      facilityAt(latlng) {
        const facilities = config.layers.find(({ name }) => name === 'facilities');
        const features =
          layer.queryTileFeaturesDebug(latlng.lng, latlng.lat, map.getZoom() >= 16 ? 14 : 8).get('city') || [];
        const hit = features.find(
          ({ layerName, feature }) => layerName === 'facilities' && isShown(facilities, feature, map.getZoom()),
        );
        return hit ? hit.feature.props : null;
      },
    });
  }
  return { vectorTiles };
})();
