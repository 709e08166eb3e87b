// One client of each of the Node SDK's services, used before and after the product clock is moved by seven days.
//
// Reads what it needs as JSON from its first argument. It deletes a catalog, says `deleted` on its output, waits for a
// line on its input, and deletes the image with the clients and tokens that it has.

import catalogs from '@ibm-cloud/platform-services/catalog-management/v1.js';
import controllers from '@ibm-cloud/platform-services/resource-controller/v2.js';
import authentication from '@ibm-cloud/platform-services/auth/index.js';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Vpc } from './vpc.mjs';

const given = JSON.parse(process.argv[2]);
const authenticator = new authentication.IamAuthenticator({ apikey: given.key, url: given.url });
const catalog = new catalogs({ authenticator, serviceUrl: given.catalog });
const controller = new controllers({ authenticator, serviceUrl: given.url });
const vpc = new Vpc({ authenticator, serviceUrl: given.vpc });
const image = (method) => vpc.call(method, `/images/${given.image}`);
const tokens = async () => (await authenticator.tokenManager.getToken()) ?? '';

await catalog.deleteCatalog({ catalogIdentifier: given.catalogId });
const held = await image('DELETE').then(() => 204, (error) => error.status);
const before = await tokens();
process.stdout.write('deleted\n');

await once(createInterface({ input: process.stdin }), 'line');
const free = (await image('GET')).result.catalog_offering.managed === false;
const records = (await controller.listReclamations({})).result.resources.length;
const gone = (await image('DELETE')).status;
const same = (await tokens()) === before;
process.stdout.write(`${JSON.stringify({ held, free, records, gone, same })}\n`);
process.exit(0);
