// Calls operations of the Node SDK for a program in another language, and has the SDK's typings judge the answers.
//
// Takes the names of services as arguments. Reads a request as JSON from each line of its input, and writes a reply as
// JSON to a line of its output (tests/fixtures/bridge.py). `list` asks for the operations of a service, `services` for
// the services of the package, `answer` has an answer judged that nobody gave. Operations and arguments are named as in
// Python. `unknown` in a reply is what the operation cannot be told, `faults` where an answer and its typing differ.

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

const camelCase = (name) => name.replaceAll(/_(\w)/g, (_, letter) => letter.toUpperCase());

/** Arguments by their names here, where those that JavaScript keeps for itself begin with `_`. */
function given(service, operation, named) {
  const known = typings.parameters(service, operation);
  const unknown = [];
  const params = {};
  for (const [name, value] of Object.entries(named)) {
    const here = [camelCase(name), `_${name}`].find((one) => known.includes(one));
    if (here === undefined) unknown.push(name);
    else params[here] = value;
  }
  return { params, unknown };
}

async function call(request) {
  const { service } = request;
  const operation = camelCase(request.operation);
  if (!typings.operations(service).includes(operation)) return { absent: true };
  const { params, unknown } = request.anything
    ? { params: typings.anything(service, operation), unknown: [] }
    : given(service, operation, request.arguments);
  const sent = (await client(request))[operation](params);
  return { operation, unknown, ...(await sent.then((answer) => told(service, operation, answer), refused)) };
}

async function told(service, operation, { status, headers, result }) {
  const faults = typings.judge(service, operation, result);
  return { status, headers: { ...headers }, body: await plain(result), ...(faults.length ? { faults } : {}) };
}

/** An error of the server, or what the SDK alone refuses to send. */
async function refused({ status, message, result, headers }) {
  return status === undefined ? { refused: message } : { status, headers: { ...headers }, body: await plain(result) };
}

async function plain(body) {
  if (typeof body?.pipe === 'function') return text(body);
  return typeof body === 'string' || body === undefined ? (body ?? '') : JSON.stringify(body);
}

function replyTo(request) {
  const { service, operation, answer } = request;
  if (request.services) return { services: [...services.keys()] };
  if (request.list) return { operations: typings.operations(service) };
  if (answer !== undefined) return { faults: typings.judge(service, operation, answer) };
  return call(request).catch((error) => ({ problem: `${error.stack}` }));
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await replyTo(JSON.parse(line)))}\n`);
}
