// One object store of IndexedDB, opened for each use. Where there is none, as in a private window, everything is
// undefined; so it is where the browser does not answer, as some do not until they are started again.
const PATIENCE_MS = 5_000; // after that nobody waits until the browser has answered again

export function objectStore(name, store, options) {
  let isSilent = false;
  const open = () =>
    new Promise((done, failed) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(store, options);
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
  async function run(mode, use) {
    const database = await open();
    return new Promise((done, failed) => {
      const transaction = database.transaction(store, mode),
        request = use(transaction.objectStore(store));
      transaction.oncomplete = () => {
        database.close();
        done(request.result);
      };
      transaction.onabort = transaction.onerror = () => {
        database.close();
        failed(transaction.error);
      };
    });
  }
  return async (mode, use) => {
    let timer;
    const late = new Promise((done) => {
      const give = () => {
        isSilent = true;
        done(undefined);
      };
      timer = setTimeout(give, isSilent ? 0 : PATIENCE_MS);
    });
    const answer = run(mode, use).finally(() => {
      isSilent = false;
    });
    try {
      return await Promise.race([answer, late]);
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  };
}
