// The certified provider `oidc-provider` for tests. It prints its port, then reads a line of JSON with its options, and
// prints `ready`. It signs in whoever types a login, with any password.
// Options: `secret`, `redirects`, `afterLogout`, `backchannel`, `people` (claims by login).
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const server = createServer((request, response) => listener(request, response));
let listener = (_request, response) => response.writeHead(503).end();

server.listen(0, '127.0.0.1', () => console.log(server.address().port));

createInterface({ input: process.stdin }).once('line', (line) => {
  const options = JSON.parse(line);
  const provider = new Provider(`http://localhost:${server.address().port}`, {
    clients: [{
      client_id: 'kunsthalle',
      client_secret: options.secret,
      redirect_uris: options.redirects,
      post_logout_redirect_uris: options.afterLogout,
      backchannel_logout_uri: options.backchannel,
      backchannel_logout_session_required: true,
    }],
    claims: {
      openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'],
    },
    features: {
      devInteractions: { enabled: true }, backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true },
    },
    pkce: { required: () => true },
    cookies: { keys: [options.secret] },
    findAccount: (_context, login) => ({
      accountId: login, claims: () => ({ sub: login, ...options.people[login] }),
    }),
    // Calls to this host, which the provider would keep from.
    fetch: (url, init) => { delete init.dispatcher; return globalThis.fetch(url, init); },
  });
  provider.on('server_error', (_context, error) => console.error(error));
  provider.on('backchannel.error', (_context, error) => console.error(error));
  listener = provider.callback();
  console.log('ready');
});
