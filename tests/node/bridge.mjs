// Calls operations of the Node SDK for a program in another language, and has the SDK's typings judge the answers.
//
// Takes the names of services as arguments. Its input has one JSON object a line, `{service, url, key, iam, operation,
// params}`; its output one for each: the answer with what is wrong with it, or the error. Without `params` it calls
// with what the typings require, and means nothing by it; with `answer` it only judges that. Without `operation` it
// names those that the service has, and without `service` the services of the package.

import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import authentication from '@ibm-cloud/platform-services/auth/index.js';
import { services, Typings } from './typings.mjs';

const typings = new Typings(process.argv.slice(2));
const clients = new Map();

async function client({ service, url, key, iam }) {
  const name = [service, url, key].join();
  if (!clients.has(name)) {
    const { default: Service } = await import(services.get(service).module);
    const authenticator = new authentication.IamAuthenticator({ apikey: key, url: iam });
    clients.set(name, new Service({ authenticator, serviceUrl: url }));
  }
  return clients.get(name);
}

async function call(request) {
  const { service, operation } = request;
  const params = request.params ?? typings.anything(service, operation);
  const { status, headers, result } = await (await client(request))[operation](params);
  return { status, headers: { ...headers }, result, ...typings.judge(service, operation, result) };
}

/** An error of the server with its body, or one of the SDK alone, which has no status. */
async function told(error) {
  const { status = 0, message, result = {} } = error;
  return { status, message, error: typeof result.pipe === 'function' ? await text(result) : result };
}

function answerTo(request) {
  const { service, operation, answer } = request;
  if (service === undefined) return { result: [...services.keys()] };
  if (operation === undefined) return { result: typings.operations(service) };
  if (answer !== undefined) return typings.judge(service, operation, answer);
  return call(request).catch(told);
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answerTo(JSON.parse(line)))}\n`);
}
