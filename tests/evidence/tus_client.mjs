// Sends a file with tus-js-client: node tus_client.mjs <endpoint> <cookie> <file> <parallel> <chunk bytes>
import { createRequire } from 'node:module';
import { createReadStream } from 'node:fs';

const { Upload } = createRequire(new URL('../../static/package.json', import.meta.url))('tus-js-client');
const [endpoint, cookie, path, parallel, chunk] = process.argv.slice(2);
const upload = new Upload(createReadStream(path), {
  endpoint,
  headers: { Cookie: cookie },
  parallelUploads: Number(parallel),
  chunkSize: Number(chunk),
  retryDelays: [100, 1000, 3000, 5000],
  onError: (error) => { console.error(String(error)); process.exit(1); },
  onSuccess: () => console.log(upload.url),
});
upload.start();
