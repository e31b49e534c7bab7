// Photos chosen in a form: made ready on the phone, no longer than is kept, so that they are quick to send.
import { h, page } from './dom.js';
import { t } from './i18n.js';

// null when the file is no photo
export async function prepared(file, longest) {
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: 'from-image' });
  } catch {
    return null;
  }
  const factor = Math.min(1, longest / Math.max(picture.width, picture.height));
  if (factor === 1 && file.size < 1_500_000) {
    picture.close();
    return file;
  }
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(picture.width * factor));
  canvas.height = Math.max(1, Math.round(picture.height * factor));
  const brush = canvas.getContext('2d');
  brush.fillStyle = 'white'; // a JPEG has no transparency
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return (
    (await new Promise((done) => {
      canvas.toBlob(done, 'image/jpeg', 0.86);
    })) ?? file
  );
}

// What a form with photos needs: the change of its file field, and `ready()`, the photos once all are made ready: what
// is sent sooner would leave them out. `thumbnails` is a list of the form; `say` shows why a file is not taken;
// `changed` hears of those chosen, and `restore` brings earlier ones back.
/**
 * @param {any} thumbnails
 * @param {(message: string) => void} say
 * @param {(photos: Blob[]) => any} [changed]
 */
export function photoChoice(thumbnails, say, changed = () => {}) {
  const photos = [];
  let preparing = Promise.resolve();

  function show(photo) {
    photos.push(photo);
    const alt = t('Photo %(n)s', { n: photos.length });
    thumbnails.append(h('li', {}, h('img', { src: URL.createObjectURL(photo), alt, width: 96, height: 96 })));
  }

  async function add(files) {
    for (const file of files) {
      if (photos.length >= page.most_photos) return say(t('At most %(n)s photos.', { n: page.most_photos }));
      const photo = await prepared(file, page.longest_side);
      if (!photo) {
        say(t('“%(name)s” cannot be read as a photo. Use JPEG, PNG or WebP.', { name: file.name }));
        continue;
      }
      show(photo);
      await changed(photos);
    }
  }

  return {
    photos,
    restore: (blobs) => {
      preparing = preparing.then(async () => ((await blobs) ?? []).forEach(show));
    },
    onchange: ({ target }) => {
      const chosen = [...target.files];
      target.value = '';
      preparing = preparing.then(() => add(chosen));
    },
    ready: async () => {
      await preparing;
      return photos;
    },
  };
}
