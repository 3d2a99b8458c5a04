// Uploads a file with tus-js-client in Node, over fetch; prints the upload's address once it ends or is stopped.
//   node tus_client.cjs <tus.min.js> <settings as JSON>
const { openAsBlob } = require("node:fs");
const [library, text] = process.argv.slice(2);
const tus = require(library);
const { file, stopAfter, ...options } = JSON.parse(text);

class FetchRequest {
  constructor(method, url) {
    Object.assign(this, { method, url, headers: {}, controller: new AbortController() });
  }

  getMethod() { return this.method; }

  getURL() { return this.url; }

  setHeader(name, value) { this.headers[name] = value; }

  getHeader(name) { return this.headers[name]; }

  setProgressHandler(handler) { this.progress = handler; }

  async send(body = null) {
    const { method, headers } = this;
    const answer = await fetch(this.url, { method, headers, body, signal: this.controller.signal });
    const content = await answer.text();
    if (body) this.progress?.(body.size);
    return {
      getStatus: () => answer.status,
      getHeader: (name) => answer.headers.get(name) ?? undefined,
      getBody: () => content,
      getUnderlyingObject: () => answer,
    };
  }

  abort() { return this.controller.abort(); }

  getUnderlyingObject() { return this; }
}

const httpStack = { createRequest: (method, url) => new FetchRequest(method, url), getName: () => "fetch" };

openAsBlob(file).then((blob) => {
  const upload = new tus.Upload(blob, {
    ...options,
    httpStack,
    retryDelays: [0, 100, 500],
    onSuccess: () => console.log(upload.url),
    onError: (error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
    onChunkComplete: (_, sent) => {
      if (stopAfter && sent >= stopAfter) upload.abort().then(() => console.log(upload.url));
    },
  });
  upload.start();
});
