// A photo made ready on the phone: no longer than is kept, so that it is quick to send; null when it is none.
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
