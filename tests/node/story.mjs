// The main story through the Node SDK: an image of one account, booted by another that can never look it up.
//
// Reads what it needs as JSON from its first argument. Writes one JSON line for each step: its name, whether it passed,
// and what stopped it. After a step that fails the others are not taken, and are told as failed.

import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import catalogs from '@ibm-cloud/platform-services/catalog-management/v1.js';
import controllers from '@ibm-cloud/platform-services/resource-controller/v2.js';
import authentication from '@ibm-cloud/platform-services/auth/index.js';
import { Vpc } from './vpc.mjs';

const given = JSON.parse(process.argv[2]);

function client({ key, id }) {
  const authenticator = new authentication.IamAuthenticator({ apikey: key, url: given.url });
  return {
    id,
    authenticator,
    vpc: new Vpc({ authenticator, serviceUrl: given.vpc }),
    catalog: new catalogs({ authenticator, serviceUrl: given.catalog }),
    controller: new controllers({ authenticator, serviceUrl: given.url }),
  };
}

const publisher = client(given.publisher);
const consumer = client(given.consumer);
const kept = {};

function check(holds, what) {
  if (!holds) throw new Error(`not so: ${what}`);
}

/** The status and the errors that a call ends with. */
async function refusal(call) {
  const error = await call.then(() => undefined, (raised) => raised);
  check(error?.status >= 400, 'the call is refused');
  const body = typeof error.result === 'string' ? JSON.parse(error.result) : error.result;
  return { status: error.status, errors: body.errors };
}

async function imports() {
  const body = { name: given.name, file: { href: given.href }, operating_system: { name: 'debian-12-amd64' } };
  const made = (await publisher.vpc.call('POST', '/images', body)).result;
  check(made.status === 'pending', 'the import has begun');
  kept.image = await publisher.vpc.until(`/images/${made.id}`, 'status', 'available');
}

async function publishes() {
  const { catalog, authenticator } = publisher;
  const { image } = kept;
  const shop = (await catalog.createCatalog({ label: 'Golden images' })).result;
  const here = { catalogIdentifier: shop.id };
  const offering = (await catalog.createOffering({ ...here, name: 'golden', label: 'Golden' })).result;
  kept.offering = { ...here, offeringId: offering.id };
  const branch = await catalog.importOfferingVersion({
    ...kept.offering,
    version: '1.0.0',
    installKind: 'instance',
    targetKinds: ['vpc-x86'],
    formatKind: 'vsi-image',
    sha: image.file.checksums.sha256,
    metadata: { images: [{ id: image.id, name: image.name, region: 'us-south' }] },
  });
  kept.version = branch.result.kinds[0].versions[0];
  const one = { versionLocId: kept.version.version_locator };
  const token = { xAuthRefreshToken: (await authenticator.tokenManager.requestToken()).result.refresh_token };
  await catalog.validateInstall({ ...one, ...token });
  await validated({ ...one, ...token });
  await catalog.consumableVersion(one);
}

async function validated(one) {
  for (;;) {
    const { state } = (await publisher.catalog.getValidationStatus(one)).result;
    if (state === 'valid') return;
    check(state === 'in_progress', `a validation ends valid, not ${state}`);
    await new Promise((after) => setTimeout(after, 50));
  }
}

async function shares() {
  await publisher.catalog.addOfferingAccessList({ ...kept.offering, accesses: [`-acct-${consumer.id}`] });
  await publisher.catalog.shareOffering({ ...kept.offering, enabled: true });
  check((await seen()).length === 0, 'nothing is seen before the consumer accepts');
}

async function seen() {
  const asked = { catalog: kept.offering.catalogIdentifier, select: 'private' };
  return (await consumer.catalog.getConsumptionOfferings(asked)).result.resources;
}

async function accepts() {
  const yes = { objectType: 'offering', approvalStateIdentifier: 'approved', accesses: [`-acct-${publisher.id}`] };
  await consumer.catalog.updateShareApprovalListAsSource(yes);
  const [offering] = await seen();
  kept.found = offering.kinds[0].versions[0];
  check(kept.found.crn === kept.version.crn, 'the version is found');
}

/** What an instance names besides what it boots from. */
async function place() {
  const subnet = (await consumer.vpc.call('GET', '/subnets')).result.subnets[0];
  const key = (await consumer.vpc.call('GET', '/keys')).result.keys[0];
  return {
    vpc: { id: subnet.vpc.id },
    zone: { name: subnet.zone.name },
    profile: { name: 'bx2-2x8' },
    keys: [{ id: key.id }],
    primary_network_interface: { subnet: { id: subnet.id } },
  };
}

async function boots() {
  const source = { catalog_offering: { version: { crn: kept.found.crn } } };
  const body = { name: 'borrowed', ...(await place()), ...source };
  const made = (await consumer.vpc.call('POST', '/instances', body)).result;
  kept.instance = await consumer.vpc.until(`/instances/${made.id}`, 'status', 'running');
  check(kept.instance.image.id === kept.image.id, 'the instance names the image');
}

/** How the consumer is refused with an image, the image's own words taken out. */
async function masked(image) {
  const hidden = (told) => {
    const text = ['href', 'crn', 'id'].reduce((left, key) => left.replaceAll(image[key], key), JSON.stringify(told));
    return JSON.parse(text);
  };
  const answers = { id: await refusal(consumer.vpc.call('GET', `/images/${image.id}`)) };
  for (const key of ['id', 'crn', 'href']) {
    const body = { name: 'direct', ...(await place()), image: { [key]: image[key] } };
    answers[`boot by ${key}`] = await refusal(consumer.vpc.call('POST', '/instances', body));
  }
  const { result } = await consumer.vpc.call('GET', '/images', undefined, { name: image.name });
  return hidden({ ...answers, name: [result.total_count, result.images] });
}

async function looks() {
  const { image } = kept;
  const id = `${image.id.slice(0, 5)}${randomUUID()}`;
  const other = (text) => text.replace(image.id, id);
  const absent = { id, crn: other(image.crn), href: other(image.href), name: `absent-${randomUUID()}` };
  const [of_image, of_absent] = [await masked(image), await masked(absent)];
  check(of_image.id.status === 404 && of_image['boot by crn'].status === 404, 'the image is not found');
  check(isDeepStrictEqual(of_image.name, [0, []]), 'its name finds nothing');
  check(isDeepStrictEqual(of_image, of_absent), `${JSON.stringify(of_image)} is ${JSON.stringify(of_absent)}`);
}

async function held() {
  const told = await refusal(publisher.vpc.call('DELETE', `/images/${kept.image.id}`));
  check(told.status === 409 && told.errors[0].code === 'image_managed_by_catalog', 'the catalog holds the image');
}

async function dropped() {
  const { catalogIdentifier } = kept.offering;
  await publisher.catalog.deleteCatalog({ catalogIdentifier });
  await held();
  const waiting = await publisher.controller.listReclamations({ resourceInstanceId: catalogIdentifier });
  check(waiting.result.resources.length === 1, 'the catalog can be restored');
}

async function afterwards() {
  const headers = { Authorization: `Bearer ${given.operatorToken}`, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ advance: '7d' });
  const moved = await fetch(`${given.url}/_kunsthalle/clock`, { method: 'POST', headers, body });
  check(moved.ok, 'the clock is moved');
  const { status } = await publisher.vpc.call('DELETE', `/images/${kept.image.id}`);
  check(status === 202, 'the image is deleted');
}

async function untouched() {
  const { result } = await consumer.vpc.call('GET', `/instances/${kept.instance.id}`);
  check(result.status === 'running' && result.image.id === kept.image.id, 'the instance runs');
}

const STEPS = [
  ['the publisher imports an image from its bucket', imports],
  ['and publishes it as a version of an offering', publishes],
  ['the catalog holds the image', held],
  ['the publisher shares the offering', shares],
  ['the consumer accepts and finds it', accepts],
  ['and boots an instance by the version', boots],
  ['looks for the image like one that does not exist', looks],
  ['a deleted catalog holds the image for seven days', dropped],
  ['then it is deleted', afterwards],
  ["the consumer's instance is untouched", untouched],
];

let stopped = '';
for (const [name, step] of STEPS) {
  const detail = stopped ? `not reached: ${stopped}` : await step().then(() => '', (error) => `${error.stack}`);
  stopped ||= detail && name;
  process.stdout.write(`${JSON.stringify({ name, passed: detail === '', detail })}\n`);
}
