// The VPC API through the Node SDK's core: the package of its generated client is not among the locked ones.

import { BaseService } from 'ibm-cloud-sdk-core';

/** A client of the VPC API that signs in, sends, and raises errors as every service of the SDK does. */
export class Vpc extends BaseService {
  /** What a call answers with: `status` and `result`. */
  call(method, path, body, query = {}) {
    const options = { url: path, method, body, qs: { version: '2025-06-30', generation: 2, ...query } };
    const headers = { Accept: 'application/json', 'Content-Type': 'application/json' };
    const defaultOptions = { ...this.baseOptions, headers };
    return this.createRequest({ options, defaultOptions });
  }

  /** The resource once a field of it has a value. */
  async until(path, field, wanted) {
    for (;;) {
      const { result } = await this.call('GET', path);
      if (result[field] === wanted) return result;
      if (result[field] === 'failed') throw new Error(`${path} failed: ${JSON.stringify(result.status_reasons)}`);
      await new Promise((after) => setTimeout(after, 50));
    }
  }
}
