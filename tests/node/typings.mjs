// Judges answers by the SDK's own typings, as the TypeScript compiler reads them.
//
// What an interface requires must be there, what is there must be of its type, and what no interface knows is told.

import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const PACKAGE = '@ibm-cloud/platform-services';
const root = dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`));
const { SymbolFlags, TypeFlags } = ts;

/** Each service of the SDK by the name of its class: the module that is imported, and the file of its typings. */
export const services = new Map(
  readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => readdirSync(join(root, name)).map((file) => [name, file]))
    .filter(([, file]) => /^v\d+\.d\.ts$/.test(file))
    .map(([folder, file]) => {
      const version = file.replace('.d.ts', '');
      const words = `${folder}-${version}`.split('-');
      const name = words.map((word) => word[0].toUpperCase() + word.slice(1)).join('');
      return [name, { module: `${PACKAGE}/${folder}/${version}.js`, file: join(root, folder, file) }];
    }),
);

/** The typings of some services. */
export class Typings {
  constructor(names) {
    const files = names.map((name) => services.get(name).file);
    const options = { strict: true, types: [], target: ts.ScriptTarget.ES2022, lib: ['lib.es2022.d.ts'] };
    const program = ts.createProgram(files, { ...options, moduleResolution: ts.ModuleResolutionKind.Node10 });
    this.checker = program.getTypeChecker();
    const sources = files.map((file) => program.getSourceFile(file));
    this.signatures = new Map(names.map((name, at) => [name, this.#signatures(sources[at])]));
    this.extensions = new Map();
    sources.forEach((source) => this.#noteExtensions(source));
  }

  /** Keeps which interfaces extend which: the SDK declares the abstract one where several may come. */
  #noteExtensions(node) {
    if (ts.isInterfaceDeclaration(node)) {
      const type = this.checker.getTypeAtLocation(node);
      for (const base of this.checker.getBaseTypes(type)) {
        this.extensions.set(base.symbol, [...(this.extensions.get(base.symbol) ?? []), type]);
      }
    }
    ts.forEachChild(node, (child) => this.#noteExtensions(child));
  }

  /** The operations of a class: its own methods that take parameters and promise a response. */
  #signatures(file) {
    const declared = file.statements.find((one) => ts.isClassDeclaration(one));
    const found = new Map();
    for (const member of declared.members) {
      if (!ts.isMethodDeclaration(member) || ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static) continue;
      const promised = this.checker.getAwaitedType(this.#returned(member));
      const result = promised?.getProperty('result');
      if (result === undefined) continue;
      const [params] = member.parameters;
      found.set(member.name.text, {
        answer: this.checker.getTypeOfSymbol(result),
        params: params === undefined ? undefined : this.checker.getTypeAtLocation(params),
      });
    }
    return found;
  }

  #returned(member) {
    return this.checker.getReturnTypeOfSignature(this.checker.getSignatureFromDeclaration(member));
  }

  /** The names of the operations of a service, as its class declares them. */
  operations(service) {
    return [...this.signatures.get(service).keys()];
  }

  /** Where an answer differs from its type, each kind once: `Catalog has no rowdy` is a property that nobody knows. */
  judge(service, operation, answer) {
    const { answer: type } = this.signatures.get(service).get(operation);
    const { faults, unknown } = this.#fit(answer, type, 'answer');
    return [...faults, ...unknown];
  }

  /** The names of the parameters of an operation. */
  parameters(service, operation) {
    const { params } = this.signatures.get(service).get(operation);
    const type = params && this.checker.getNonNullableType(params);
    return type ? this.checker.getPropertiesOfType(type).map((one) => one.name) : [];
  }

  /** Parameters that the typings take, and that mean nothing: for operations that refuse whatever they are given. */
  anything(service, operation) {
    const { params } = this.signatures.get(service).get(operation);
    return params === undefined ? {} : this.#anything(this.checker.getNonNullableType(params));
  }

  #anything(type) {
    if (type.flags & TypeFlags.NumberLike) return 1;
    if (type.flags & TypeFlags.BooleanLike) return true;
    if (this.checker.isArrayType(type)) return [this.#anything(this.checker.getTypeArguments(type)[0])];
    if (!(type.flags & TypeFlags.Object)) return 'x';
    const needed = this.checker.getPropertiesOfType(type).filter((one) => !(one.flags & SymbolFlags.Optional));
    return Object.fromEntries(needed.map((one) => [one.name, this.#anything(this.checker.getTypeOfSymbol(one))]));
  }

  #fit(value, type, place) {
    if (type.flags & (TypeFlags.Any | TypeFlags.Unknown)) return fits();
    if (type.isUnion()) return this.#fitOne(value, type, place);
    if (this.checker.isArrayType(type)) return this.#fitList(value, this.checker.getTypeArguments(type)[0], place);
    if (type.flags & TypeFlags.Object) {
      const kinds = [type, ...(this.extensions.get(type.symbol) ?? [])];
      return nearest(kinds.map((one) => this.#fitObject(value, one, place)));
    }
    return this.#isPlain(value, type) ? fits() : this.#wrong(value, type, place);
  }

  #isPlain(value, type) {
    if (type.flags & TypeFlags.BooleanLiteral) return String(value) === this.checker.typeToString(type);
    if (type.isLiteral()) return value === type.value;
    if (type.flags & TypeFlags.StringLike) return typeof value === 'string';
    if (type.flags & TypeFlags.NumberLike) return typeof value === 'number';
    if (type.flags & TypeFlags.BooleanLike) return typeof value === 'boolean';
    if (type.flags & (TypeFlags.Undefined | TypeFlags.Void)) return value === undefined;
    if (type.flags & TypeFlags.Null) return value === null;
    throw new Error(`no rule for the type ${this.checker.typeToString(type)}`);
  }

  #wrong(value, type, place) {
    const shown = JSON.stringify(value)?.slice(0, 80);
    return { faults: [`${place} should be ${this.checker.typeToString(type)}, is ${shown}`], unknown: [] };
  }

  /** A value of one of several types: the first that it fits, else what is wrong with the nearest. */
  #fitOne(value, type, place) {
    const given = type.types.filter((one) => value === undefined || !(one.flags & TypeFlags.Undefined));
    const best = nearest(given.map((one) => this.#fit(value, one, place)));
    return best.faults.length && given.length > 1 && Object(value) !== value ? this.#wrong(value, type, place) : best;
  }

  #fitList(value, type, place) {
    if (!Array.isArray(value)) return { faults: [`${place} should be a list`], unknown: [] };
    return merged(value.map((one) => this.#fit(one, type, `${place}[]`)));
  }

  #fitObject(value, type, place) {
    const name = this.checker.typeToString(type);
    if (EMPTY.test(name)) return isEmpty(value) ? fits() : this.#wrong(value, type, place);
    if (STREAMS.test(name)) return isStream(value) ? fits() : this.#wrong(value, type, place);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return this.#wrong(value, type, place);
    const others = this.checker.getIndexInfoOfType(type, ts.IndexKind.String);
    const known = this.checker.getPropertiesOfType(type);
    const names = new Set(known.map((one) => one.name));
    const more = Object.keys(value).filter((key) => !names.has(key));
    return merged([
      ...known.map((one) => this.#fitProperty(value, one, place)),
      ...more.map((key) =>
        others ? this.#fit(value[key], others.type, `${place}.${key}`) : { faults: [], unknown: [`${name} has no ${key}`] },
      ),
    ]);
  }

  #fitProperty(value, property, place) {
    const inner = value[property.name];
    if (inner !== undefined) return this.#fit(inner, this.checker.getTypeOfSymbol(property), `${place}.${property.name}`);
    const optional = property.flags & SymbolFlags.Optional;
    return optional ? fits() : { faults: [`${place}.${property.name} is missing`], unknown: [] };
  }
}

const EMPTY = /\bEmpty(Object)?$/;
const STREAMS = /^(Readable|Buffer)|ReadableStream/;

function fits() {
  return { faults: [], unknown: [] };
}

function nearest(tried) {
  const weight = ({ faults, unknown }) => faults.length * 1_000 + unknown.length;
  return tried.sort((one, other) => weight(one) - weight(other))[0];
}

function merged(all) {
  return {
    faults: [...new Set(all.flatMap((one) => one.faults))],
    unknown: [...new Set(all.flatMap((one) => one.unknown))],
  };
}

function isEmpty(value) {
  return value === undefined || value === null || value === '' || Object.keys(value).length === 0;
}

function isStream(value) {
  return typeof value?.pipe === 'function' || Buffer.isBuffer(value);
}
