// A call of every operation of the Node SDK's catalog client, as one story; the SDK's typings judge the answers.
//
// Reads what it needs as JSON from its first argument, and writes one JSON line for each operation: its name, how it
// went, and the properties of its answers that the typings do not know.

import sdk from '@ibm-cloud/platform-services/catalog-management/v1.js';
import authentication from '@ibm-cloud/platform-services/auth/index.js';
import { Typings } from './typings.mjs';

const given = JSON.parse(process.argv[2]);
const SERVICE = 'CatalogManagementV1';
const typings = new Typings([SERVICE]);
const outcomes = new Map();
const unknown = new Map();

function client(account) {
  const authenticator = new authentication.IamAuthenticator({ apikey: account.key, url: given.url });
  const made = new sdk({ authenticator, serviceUrl: given.catalog });
  return { made, authenticator, id: account.id };
}

const owner = client(given.publisher);
const buyer = client(given.consumer);
const root = client(given.enterprise);

/** Calls an operation and notes how it went; what it answered with. */
async function call(who, name, params, status = 200) {
  const answer = await who.made[name](params).catch((error) => {
    throw new Error(`${name}: ${error.status} ${error.message}`);
  });
  if (answer.status !== status) throw new Error(`${name} answered ${answer.status}, not ${status}`);
  const found = typings.judge(SERVICE, name, answer.result);
  if (found.faults.length) throw new Error(`${name}: ${found.faults.join('; ')}`);
  unknown.set(name, [...new Set([...(unknown.get(name) ?? []), ...found.unknown])]);
  outcomes.set(name, 'conforms');
  return answer.result;
}

/** The error that a call ends with. */
async function refusal(who, name, params) {
  return who.made[name](params).then(
    () => Promise.reject(new Error(`${name} was not refused`)),
    (error) => error,
  );
}

function check(holds, what) {
  if (!holds) throw new Error(`not so: ${what}`);
}

const refresh = (await owner.authenticator.tokenManager.requestToken()).result.refresh_token;
const token = { xAuthRefreshToken: refresh };
const image = (at) => ({ id: given.images[at].id, name: given.images[at].name, region: 'us-south' });

function software(at, version) {
  return {
    version,
    name: 'walk',
    label: 'Walk',
    installKind: 'instance',
    targetKinds: ['vpc-x86'],
    formatKind: 'vsi-image',
    sha: given.images[at].sha,
    metadata: { images: [image(at)], file: { size: 1 }, minimum_provisioned_size: 10 },
  };
}

async function account() {
  const settings = await call(owner, 'getCatalogAccount', {});
  const hidden = { id: settings.id, rev: settings._rev, hideIbmCloudCatalog: true };
  const filters = { include_all: true, category_filters: {}, id_filters: { include: { filter_terms: ['a'] } } };
  const now = await call(owner, 'updateCatalogAccount', { ...hidden, accountFilters: filters, regionFilter: 'us' });
  check(now.hide_IBM_cloud_catalog === true && now.region_filter === 'us', 'the settings were taken');
  const found = await call(owner, 'getCatalogAccountFilters', {});
  check(found.account_filters[0].include_all === true, 'the filters are those of the account');
  const audits = await call(owner, 'listCatalogAccountAudits', { limit: 5, lookupnames: true });
  check(audits.audits[0].change_type !== undefined, 'the change is on record');
  await call(owner, 'getCatalogAccountAudit', { auditlogIdentifier: audits.audits[0].id });
  const regions = await call(owner, 'listRegions', { filter: '', limit: 10, offset: 0 });
  check(regions.regions.length > 1 && regions.total_count > 1, 'there are regions');
  const few = await call(owner, 'previewRegions', { filter: 'us-south' });
  check(few.regions.map((one) => one.id).join() === 'us-south', 'the filter lets one through');
  await call(owner, 'updateCatalogAccount', { id: now.id, rev: now._rev, hideIbmCloudCatalog: false });
}

async function catalog() {
  const made = await call(owner, 'createCatalog', { label: 'walk', tags: ['walk'] }, 201);
  const catalogIdentifier = made.id;
  const listed = await call(owner, 'listCatalogs', {});
  check(listed.resources.some((one) => one.id === made.id), 'the catalog is listed');
  await call(owner, 'getCatalog', { catalogIdentifier });
  const body = { catalogIdentifier, id: made.id, rev: made._rev, label: 'walked', shortDescription: 'said' };
  const replaced = await call(owner, 'replaceCatalog', body);
  check(replaced.label === 'walked' && replaced._rev !== made._rev, 'the catalog was replaced');
  check((await refusal(owner, 'replaceCatalog', body)).status === 409, 'a stale revision is refused');
  const audits = await call(owner, 'listCatalogAudits', { catalogIdentifier, limit: 5 });
  await call(owner, 'getCatalogAudit', { catalogIdentifier, auditlogIdentifier: audits.audits[0].id });
  return { catalogIdentifier };
}

async function offering(here) {
  const made = await call(owner, 'createOffering', { ...here, name: 'walk', label: 'Walk' }, 201);
  const it = { ...here, offeringId: made.id };
  const found = await call(owner, 'listOfferings', { ...here, name: 'wal', sort: '-updated', digest: true, limit: 1 });
  check(found.total_count === 1 && found.resources[0].id === made.id, 'the offering is found by its name');
  const hide = { ...it, id: made.id, rev: made._rev, name: 'walk', label: 'Hidden', hidden: true };
  const hidden = await call(owner, 'replaceOffering', hide);
  check((await call(owner, 'listOfferings', here)).total_count === 0, 'what is hidden is not listed');
  check((await call(owner, 'listOfferings', { ...here, includeHidden: true })).total_count === 1, 'unless asked for');
  const updates = [
    { op: 'replace', path: '/hidden', value: false },
    { op: 'add', path: '/keywords/-', value: 'debian' },
    { op: 'add', path: '/plans/-', value: { name: 'gold', label: 'Gold' } },
  ];
  const patched = await call(owner, 'updateOffering', { ...it, ifMatch: `"${hidden._rev}"`, updates });
  check(patched.keywords.join() === 'debian' && patched.plans[0].name === 'gold', 'the patch was applied');
  const stale = await refusal(owner, 'updateOffering', { ...it, ifMatch: `"${hidden._rev}"`, updates });
  check(stale.status === 412, 'a stale revision is refused');
  await call(owner, 'getOffering', { ...it, digest: true });
  const named = await call(owner, 'getOffering', { ...here, offeringId: 'walk', type: 'name' });
  check(named.id === made.id, 'an offering is found by its name');
  const audits = await call(owner, 'listOfferingAudits', { ...it, limit: 1 });
  await call(owner, 'getOfferingAudit', { ...it, auditlogIdentifier: audits.audits[0].id });
  return { it, plan: patched.plans[0] };
}

function only(branch) {
  return branch.kinds[0].versions[0];
}

async function versions(here, it) {
  const made = await call(owner, 'importOfferingVersion', { ...it, ...software(0, '1.0.0') }, 201);
  const first = made.kinds[0].versions.find((one) => one.version === '1.0.0');
  const one = { versionLocId: first.version_locator };
  check(first.state.current === 'new', 'a version begins as new');
  const again = await refusal(owner, 'importOfferingVersion', { ...it, ...software(0, '2.0.0') });
  check(again.status === 409, 'an image is in one version only');
  const branch = await call(owner, 'getVersion', one);
  check(only(branch).id === first.id, 'a version is its offering with one version in it');
  await refused(one);
  await texts(one, branch);
  await call(owner, 'validateInputs', one);
  await validated(one);
  await call(owner, 'consumableVersion', one, 202);
  const twice = await refusal(owner, 'consumableVersion', one);
  check(twice.message.includes('current state consumable'), 'the refusal names the state');
  await drafts(one);
  await siblings(here, it, one);
  return { one, kind: made.kinds[0].id };
}

async function refused(one) {
  const early = await refusal(owner, 'consumableVersion', one);
  check(early.status === 400 && early.message.includes('not consumable'), 'a version is validated first');
}

async function texts(one, branch) {
  const licence = { id: 'mit', name: 'MIT', description: 'do as you like' };
  const updates = [
    { op: 'add', path: '/kinds/0/versions/0/long_description', value: '# About' },
    { op: 'add', path: '/kinds/0/versions/0/licenses', value: [licence] },
    { op: 'add', path: '/kinds/0/versions/0/change_notices', value: { update: [{ title: 'new kernel' }] } },
  ];
  const patched = await call(owner, 'patchUpdateVersion', { ...one, ifMatch: `"${branch._rev}"`, updates });
  check((await call(owner, 'getOfferingAbout', one)) === '# About', 'the text about a version');
  const text = await call(owner, 'getOfferingLicense', { ...one, licenseId: 'mit' });
  check(text === 'do as you like', 'the text of a licence');
  const kinds = [{ versions: [{ ...only(patched), tags: ['walked'] }] }];
  const put = await call(owner, 'updateVersion', { ...one, rev: patched._rev, kinds });
  check(only(put).tags.join() === 'walked', 'the version was replaced');
  await call(owner, 'getIamPermissions', one);
  await call(owner, 'getOfferingContainerImages', one);
  await call(owner, 'getVersionDependencies', one);
}

async function validated(one) {
  await call(owner, 'validateInstall', { ...one, ...token, overrideValues: {} }, 202);
  for (;;) {
    const { state } = await call(owner, 'getValidationStatus', { ...one, ...token });
    if (state === 'valid') return;
    check(state === 'in_progress', `a validation ends valid, not ${state}`);
    await new Promise((after) => setTimeout(after, 20));
  }
}

async function drafts(one) {
  const draft = await call(owner, 'getOfferingWorkingCopy', one);
  check(draft.version_locator !== one.versionLocId, 'a working copy is a version of its own');
  const locator = { versionLocId: draft.version_locator };
  const branch = await call(owner, 'getVersion', locator);
  const updates = [{ op: 'replace', path: '/kinds/0/versions/0/tags', value: ['committed'] }];
  await call(owner, 'patchUpdateVersion', { ...locator, ifMatch: `"${branch._rev}"`, updates });
  await call(owner, 'commitVersion', locator);
  const now = only(await call(owner, 'getVersion', one));
  check(now.tags.join() === 'committed' && now.state.current === 'consumable', 'the draft took its place');
}

async function siblings(here, it, one) {
  const name = 'walk';
  const second = await call(owner, 'importOffering', { ...here, ...it, ...software(1, '1.1.0') }, 201);
  check(second.name === name && second.kinds[0].versions.length === 2, 'a version of a known offering');
  const two = { versionLocId: second.kinds[0].versions.find((v) => v.version === '1.1.0').version_locator };
  await call(owner, 'copyFromPreviousVersion', { ...two, type: 'licenses', versionLocIdToCopyFrom: one.versionLocId });
  check((await call(owner, 'getOfferingLicense', { ...two, licenseId: 'mit' })) !== '', 'the licence was copied');
  await call(owner, 'copyVersion', { ...two, targetKinds: ['vpc-x86'] });
  await call(owner, 'prereleaseVersion', two, 202);
  await call(owner, 'suspendVersion', two, 202);
  check(only(await call(owner, 'getVersion', two)).state.current === 'new', 'what was never validated is new again');
  await call(owner, 'reloadOffering', { ...it, targetVersion: '1.1.0' }, 201);
  await validated(two);
  await call(owner, 'archiveVersion', two, 202);
  await call(owner, 'deleteVersion', two);
  const third = await call(owner, 'importOfferingVersion', { ...it, ...software(2, '1.2.0') }, 201);
  const three = { versionLocId: third.kinds[0].versions.find((v) => v.version === '1.2.0').version_locator };
  await validated(three);
  await call(owner, 'deprecateVersion', three, 202);
  check(only(await call(owner, 'getVersion', three)).state.current === 'deprecated', 'the old word archives');
}

async function endings(it, one, kindId) {
  const setting = { ...one, setting: 'true', daysUntilDeprecate: 30, description: 'use 2.0.0' };
  await call(owner, 'setDeprecateVersion', setting, 202);
  const pending = only(await call(owner, 'getVersion', one)).deprecate_pending;
  check(pending.description === 'use 2.0.0', 'the period has begun');
  await call(owner, 'setDeprecateVersion', { ...one, setting: 'false' }, 202);
  await call(owner, 'deprecateOffering', { ...it, setting: 'true', daysUntilDeprecate: 10 }, 202);
  await call(owner, 'deprecateOffering', { ...it, setting: 'false' }, 202);
  const page = await call(owner, 'getVersions', { ...it, kindId, limit: 1 });
  check(page.versions.length === 1 && page.next.start !== undefined, 'versions come in pages');
  const newer = await call(owner, 'getOfferingUpdates', { ...it, ...token, kind: 'vsi-image', version: '0.9.0' });
  check(newer.map((v) => v.version).join() === '1.0.0', 'what a user could move to');
  const notices = await call(owner, 'getOfferingChangeNotices', { ...it, kind: 'vsi-image' });
  check(notices !== undefined, 'the notices of versions');
  await call(owner, 'getOfferingStats', it);
  const last = await refusal(owner, 'deleteVersion', one);
  check(last.status === 400 && last.message.includes('last published version'), 'the last published one stays');
}

async function sharing(here, it) {
  const accesses = [`-acct-${buyer.id}`];
  const listed = await call(owner, 'addOfferingAccessList', { ...it, accesses }, 201);
  check(listed.resources[0].account === buyer.id, 'the list has the account in its bare form');
  await call(owner, 'shareOffering', { ...it, enabled: true });
  const seen = { catalog: here.catalogIdentifier, select: 'private' };
  check((await call(buyer, 'getConsumptionOfferings', seen)).total_count === 0, 'nothing is seen before the answer');
  await call(owner, 'getOfferingAccessList', { ...it, limit: 10 });
  await call(owner, 'getOfferingAccess', { ...it, accessIdentifier: buyer.id });
  const kind = { objectType: 'offering' };
  await call(owner, 'addShareApprovalList', { ...kind, accesses }, 201);
  const asked = await call(owner, 'getShareApprovalList', kind);
  check(asked.resources[0].approval_state === 'pending', 'the request waits');
  const waiting = await call(buyer, 'getShareApprovalListAsSource', { ...kind, approvalStateIdentifier: 'pending' });
  check(waiting.resources[0].target_account === owner.id, 'the receiver sees who asks');
  const yes = { ...kind, approvalStateIdentifier: 'approved', accesses: [`-acct-${owner.id}`] };
  await call(buyer, 'updateShareApprovalListAsSource', yes, 201);
  const found = await call(buyer, 'getConsumptionOfferings', seen);
  check(found.total_count === 1, 'the offering is seen');
  check(only(found.resources[0]).metadata.vsi_vpc.images[0].id === undefined, 'its image is not');
  await call(owner, 'deleteOfferingAccessList', { ...it, accesses: ['*'] });
  check((await call(buyer, 'getConsumptionOfferings', seen)).total_count === 0, 'what is taken back is gone');
  await call(owner, 'deleteShareApprovalList', { ...kind, accesses });
  const asking = { ...it, approvalType: 'approval_required', approved: 'true' };
  const said = await call(owner, 'setOfferingPublish', asking);
  check(said.changed === true && said.approved === false, 'the operator was asked, and has not answered');
  check((await refusal(owner, 'shareOffering', { ...it, _public: true })).status === 403, 'and until then it is no');
  await granted(it.offeringId);
  const open = await call(owner, 'shareOffering', { ...it, _public: true });
  check(open.public === true, 'then it is published to all');
  check((await call(buyer, 'getConsumptionOfferings', { ...seen, select: 'public' })).total_count === 1, 'and seen');
  await call(owner, 'setOfferingPublish', { ...asking, approved: 'false' });
}

/** The operator's answer. */
async function granted(offering) {
  const headers = { Authorization: `Bearer ${given.operatorToken}`, 'Content-Type': 'application/json' };
  const body = JSON.stringify({ offering, state: 'granted' });
  const answer = await fetch(`${given.url}/_kunsthalle/approvals`, { method: 'POST', headers, body });
  check(answer.ok, 'the operator grants it');
}

async function plans(here, plan) {
  const planLocId = `sw.${here.catalogIdentifier}.${plan.id}`;
  await call(owner, 'consumablePlan', { planLocId }, 202);
  check((await call(owner, 'getPlan', { planLocId })).state.current === 'consumable', 'the plan is published');
  await call(owner, 'setDeprecatePlan', { planLocId, setting: 'true', daysUntilDeprecate: 5 }, 202);
  check((await call(owner, 'getPlan', { planLocId })).deprecate_pending !== undefined, 'its period has begun');
  await call(owner, 'setDeprecatePlan', { planLocId, setting: 'false' }, 202);
  await call(owner, 'deletePlan', { planLocId });
}

async function objects(here) {
  const made = await call(owner, 'createObject', { ...here, name: 'endpoint', label: 'Endpoint', kind: 'vpe' }, 201);
  const it = { ...here, objectIdentifier: made.id };
  const other = { ...it, id: made.id, rev: made._rev, name: 'endpoint', label: 'Other', data: { any: 'thing' } };
  check((await call(owner, 'replaceObject', other)).label === 'Other', 'the object was replaced');
  await call(owner, 'getObject', it);
  check((await call(owner, 'listObjects', here)).total_count === 1, 'the object is listed');
  await call(owner, 'searchObjects', { query: 'name: endpoint', kind: 'vpe' });
  const audits = await call(owner, 'listObjectAudits', it);
  await call(owner, 'getObjectAudit', { ...it, auditlogIdentifier: audits.audits[0].id });
  await call(owner, 'consumableShareObject', it, 202);
  await call(owner, 'shareObject', { ...it, enabled: true });
  const entry = { ...it, accessIdentifier: buyer.id };
  await call(owner, 'createObjectAccess', entry, 201);
  await call(owner, 'getObjectAccess', entry);
  await call(owner, 'getObjectAccessList', it);
  await call(owner, 'getObjectAccessListDeprecated', it);
  await call(owner, 'deleteObjectAccess', entry);
  await call(owner, 'addObjectAccessList', { ...it, accesses: [buyer.id] }, 201);
  await call(owner, 'deleteObjectAccessList', { ...it, accesses: [buyer.id] });
  await call(owner, 'deleteObject', it);
  await call(owner, 'deleteObject', it);
}

async function instances(it) {
  const use = { ...token, offeringId: it.offeringId, catalogId: it.catalogIdentifier, label: 'used' };
  const made = await call(owner, 'createOfferingInstance', use, 201);
  const one = { instanceIdentifier: made.id };
  await call(owner, 'getOfferingInstance', one);
  await call(owner, 'putOfferingInstance', { ...one, ...use, id: made.id, rev: made._rev, label: 'used again' });
  const audits = await call(owner, 'listOfferingInstanceAudits', one);
  await call(owner, 'getOfferingInstanceAudit', { ...one, auditlogIdentifier: audits.audits[0].id });
  await call(owner, 'deleteOfferingInstance', { ...one, ...token });
}

async function enterprise() {
  const own = await call(root, 'createCatalog', { label: 'of the enterprise' }, 201);
  await call(root, 'deleteCatalog', { catalogIdentifier: own.id });
  const it = { enterpriseIdentifier: given.enterpriseId };
  const audits = await call(root, 'listEnterpriseAudits', { ...it, limit: 5 });
  await call(root, 'getEnterpriseAudit', { ...it, auditlogIdentifier: audits.audits[0].id });
}

/** Whatever the story did not call must say that it is not offered. */
async function rest(one) {
  for (const name of typings.operations(SERVICE)) {
    if (outcomes.has(name)) continue;
    const params = { ...typings.anything(SERVICE, name), ...one };
    const { status } = await refusal(owner, name, withoutUnknown(name, params));
    outcomes.set(name, String(status));
  }
}

/** The SDK refuses parameters that an operation does not have. */
function withoutUnknown(name, params) {
  const valid = owner.made[name].toString().match(/_validParams = \[([^\]]*)\]/)[1];
  return Object.fromEntries(Object.entries(params).filter(([key]) => valid.includes(`'${key}'`)));
}

await account();
const here = await catalog();
const { it, plan } = await offering(here);
const { one, kind } = await versions(here, it);
await endings(it, one, kind);
await sharing(here, it);
await plans(here, plan);
await objects(here);
await instances(it);
await enterprise();
await call(owner, 'deleteOffering', it);
await call(owner, 'deleteOffering', it);
await call(owner, 'deleteCatalog', here);
await rest(one);
for (const name of typings.operations(SERVICE)) {
  process.stdout.write(`${JSON.stringify([name, outcomes.get(name), unknown.get(name) ?? []])}\n`);
}
