// A hospital's identity provider on loopback, made of oidc-provider. Its folder is the first argument; it reads on standard
// input what it is to be (JSON: clients, algorithms), says its issuer and public keys in one line, and ends with that input.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { generateKeyPairSync } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { createInterface } from 'node:readline';

const { Provider } = createRequire(`${process.argv[2]}/`)('oidc-provider');

const lines = createInterface({ input: process.stdin });
const asked = JSON.parse((await lines[Symbol.asyncIterator]().next()).value);
process.stdin.on('end', () => process.exit(0)).resume();

const key = (kid, alg, kind, options) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig',
});
const keys = [
  key('rsa-1', 'PS256', 'rsa', { modulusLength: 2048 }),
  key('rsa-2', 'RS256', 'rsa', { modulusLength: 2048 }),
  key('ec-1', 'ES256', 'ec', { namedCurve: 'P-256' }),
];
const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  jwks: { keys },
  clients: asked.clients.map(({ client_id, alg }) => ({
    client_id, client_secret: `secret of ${client_id}`, redirect_uris: [`${issuer}/application`],
    grant_types: ['authorization_code'], response_types: ['code'], id_token_signed_response_alg: alg,
  })),
  acrValues: ['eidas2', 'eidas3'],
  claims: { openid: ['sub', 'acr', 'amr', 'auth_time'] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/login/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  loadExistingGrant: async (ctx) => {
    const { Grant } = ctx.oidc.provider;
    const grant = new Grant({ accountId: ctx.oidc.session.accountId, clientId: ctx.oidc.client.clientId });
    grant.addOIDCScope('openid');
    await grant.save();
    return grant;
  },
  cookies: { keys: ['a test'] },
  ttl: { IdToken: 120, Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 600, AuthorizationCode: 60 },
});

const pages = provider.callback();
server.on('request', async (request, response) => {
  if (!request.url.startsWith('/login/')) {
    return pages(request, response);
  }
  // The form of a login with a password and a code; what was shown is what the ID token tells.
  const form = new URLSearchParams(await text(request));
  const amr = ['pwd', 'otp'].filter((factor) => form.get(factor));
  const login = { accountId: form.get('account'), acr: amr.length === 2 ? 'eidas2' : 'eidas1', amr };
  return provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
});

const { keys: published } = await (await fetch(`${issuer}/jwks`)).json();
console.log(JSON.stringify({ issuer, jwks: { keys: published } }));
