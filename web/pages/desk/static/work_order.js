// A work order: the sheet needs no script, only its button does.
import { $ } from '../../shared/dom.js';

$('print').hidden = false;
$('print').addEventListener('click', () => print());
document.body.dataset.ready = 'yes';
