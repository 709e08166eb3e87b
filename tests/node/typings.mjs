// Judges answers by the SDK's own typings: what they declare must be there and of its type.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const MODULE = '@ibm-cloud/platform-services/catalog-management/v1';
const source = readFileSync(createRequire(import.meta.url).resolve(MODULE).replace(/js$/, 'd.ts'), 'utf8');

/** Interfaces by name: their properties, each with its type and whether it must be there. */
const interfaces = new Map(
  [...source.matchAll(/^ {4}interface (\w+) \{\n(.*?)^ {4}\}/gms)].map(([, name, body]) => [
    name,
    [...body.matchAll(/^ {8}'?(\w+)'?(\??): (.+);$/gm)].map(([, key, mark, type]) => ({
      key,
      type,
      required: mark === '',
    })),
  ]),
);

/** What each operation answers with, as its declaration says. */
export const answers = new Map(
  [...source.matchAll(/^ {4}(\w+)\(params\??: [^)]*\): Promise<CatalogManagementV1\.Response<(.+)>>;$/gm)].map(
    ([, name, type]) => [name, type.replace('CatalogManagementV1.', '')],
  ),
);

const PRIMITIVES = new Set(['string', 'number', 'boolean']);

/** What is wrong with a value of a declared type, place by place. */
export function faults(value, type, place = 'answer') {
  if (type === 'any' || type === 'JsonObject' || type.startsWith('NodeJS.')) return [];
  if (type === 'EmptyObject') return isEmpty(value) ? [] : [`${place} should be empty`];
  if (type.endsWith('[]')) {
    if (!Array.isArray(value)) return [`${place} should be a list`];
    return value.flatMap((one, at) => faults(one, type.slice(0, -2), `${place}[${at}]`));
  }
  if (type.endsWith('| string') || PRIMITIVES.has(type)) {
    const wanted = type.endsWith('| string') ? 'string' : type;
    return typeof value === wanted ? [] : [`${place} should be a ${wanted}, is ${JSON.stringify(value)}`];
  }
  const properties = interfaces.get(type);
  if (properties === undefined) throw new Error(`the typings have no ${type}`);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [`${place} should be a ${type}`];
  return properties.flatMap(({ key, type: inner, required }) => {
    if (value[key] === undefined) return required ? [`${place}.${key} is missing`] : [];
    return faults(value[key], inner, `${place}.${key}`);
  });
}

function isEmpty(value) {
  return value === undefined || value === null || value === '' || Object.keys(value).length === 0;
}
