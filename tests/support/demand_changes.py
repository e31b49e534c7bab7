"""Changes of homes, doors and footprints, as SQL; `:word` makes each time another."""

CHANGES = {
    "a home more": """
        INSERT INTO household (county, building_id, room, people)
        SELECT county, id, :word, 3 FROM building ORDER BY md5(id || :word) LIMIT 1""",
    "one person more": """
        UPDATE household SET people = people + 1
        WHERE id IN (SELECT id FROM household ORDER BY md5(id || :word) LIMIT 3)""",
    "an elder": """
        UPDATE household SET elders = 1, people = greatest(people, 1)
        WHERE id = (SELECT id FROM household ORDER BY md5(id || :word) LIMIT 1)""",
    "two homes change places": """
        UPDATE household h SET building_id = o.building_id, room = :word || h.id
        FROM (SELECT id, building_id FROM household ORDER BY md5(id || :word) LIMIT 1) o
        WHERE h.id = (SELECT max(id) FROM household)""",
    "homes end": """
        DELETE FROM household
        WHERE id IN (SELECT id FROM household ORDER BY md5(id || :word) LIMIT 2)""",
    "a footprint moves": """
        UPDATE building SET geom = ST_Translate(geom, 0.0001, 0.0002)
        WHERE id = (SELECT id FROM building ORDER BY md5(id || :word) LIMIT 1)""",
    "a building is built": """
        INSERT INTO building (code, county, name, geom)
        SELECT :word, county, '新楼', ST_Translate(geom, 0.0003, 0) FROM building
        ORDER BY md5(id || :word) LIMIT 1""",
    "a building without homes goes": """
        DELETE FROM building WHERE id = (
          SELECT id FROM building b WHERE name = '新楼' AND NOT EXISTS (
            SELECT FROM household WHERE building_id = b.id) ORDER BY id LIMIT 1)""",
    "a door opens": """
        INSERT INTO entrance (building_id, code, kind, source, geom)
        SELECT id, :word, 'side', 'page', ST_Centroid(geom) FROM building
        ORDER BY md5(id || :word) LIMIT 1""",
    "a door is for goods": "UPDATE entrance SET kind = 'service' WHERE building_id IS NOT NULL",
    "a door closes": """
        UPDATE entrance SET removed_at = now()
        WHERE id = (SELECT max(id) FROM entrance WHERE building_id IS NOT NULL)""",
    "nothing that counts": "UPDATE building SET name = :word",
    "everything at once": "UPDATE household SET people = people + 1 WHERE people < 50",
}
