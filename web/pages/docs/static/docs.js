// Swagger UI over our own description, loaded when somebody wants every field.
import { $, h, page } from '../../shared/dom.js';
import { t } from '../../shared/i18n.js';

const bundle = new URL('../../vendor/swagger-ui/swagger-ui-bundle.js', import.meta.url).href;

function show() {
  $('show-fields').hidden = true;
  $('fields').hidden = false;
  $('fields').textContent = t('Looking it up…');
  document.head.append(
    h('script', {
      src: bundle,
      onload: () =>
        window.SwaggerUIBundle({
          url: page.spec,
          dom_id: '#fields',
          deepLinking: true,
          validatorUrl: null,
          defaultModelsExpandDepth: 0,
          displayRequestDuration: true,
        }),
      onerror: () => {
        $('fields').textContent = t('This did not work');
        $('show-fields').hidden = false;
      },
    }),
  );
}

$('show-fields').onclick = show;
if (location.hash.startsWith('#/')) show(); // a link to one operation
document.body.dataset.ready = 'true';
