// A position as people write it: degrees, or degrees, minutes and seconds; longitude or latitude first.
const NUMBER =
  /([NSEWnsew东西南北])?\s*(\d+(?:\.\d+)?)(?:\s*[°度]\s*(?:(\d+(?:\.\d+)?)\s*[′'分]\s*)?(?:(\d+(?:\.\d+)?)\s*[″"秒])?)?/g;
const LON = [73, 136],
  LAT = [3, 54]; // of China: no value is both
/** @type {(range: any, n: number) => boolean} */
const within = ([low, high], n) => n >= low && n <= high;

/**
 * Longitude and latitude in degrees; null where it is no position in China.
 * @type {(text: string) => any}
 */
export const parsePosition = (text) => {
  const numbers = [...text.matchAll(NUMBER)].map(
    ([, , degrees, minutes = 0, seconds = 0]) => Number(degrees) + Number(minutes) / 60 + Number(seconds) / 3600,
  );
  if (numbers.length !== 2) return null;
  const [lon, lat] = within(LON, numbers[0]) ? numbers : numbers.reverse();
  return within(LON, lon) && within(LAT, lat) ? [lon, lat] : null;
};
