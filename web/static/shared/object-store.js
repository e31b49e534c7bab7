// One object store of IndexedDB, opened for each use. A private window has none: everything is undefined then.
export function objectStore(name, store, options) {
  const open = () =>
    new Promise((done, failed) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(store, options);
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
  return async (mode, use) => {
    try {
      const database = await open();
      return await new Promise((done, failed) => {
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
    } catch {
      return undefined;
    }
  };
}
