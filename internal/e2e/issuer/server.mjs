// A real OpenID provider whose tokens live for seconds. For tests only: its
// secrets are printed here and it approves everybody.
//
//   node server.mjs [PORT]     0, the default, lets the system pick
//
// One line says where it listens: "ready {...}" with the issuer's URL and the
// private key of the clients cc-jwt and native-jwt. What the provider itself prints may come
// before it. GET /_e2e/counts tells what the token endpoint did.
//
// Lifetimes in seconds: TTL_ACCESS, TTL_REFRESH, TTL_DEVICE, TTL_CODE.
// DPOP_NONCE=0 drops the demand for nonces in DPoP proofs.

import * as crypto from 'node:crypto';
import * as http from 'node:http';
import { Provider, errors } from 'oidc-provider';

const seconds = (name, otherwise) => Number(process.env[name] ?? otherwise);
const ttl = {
  access: seconds('TTL_ACCESS', 3),
  refresh: seconds('TTL_REFRESH', 60),
  device: seconds('TTL_DEVICE', 30),
  code: seconds('TTL_CODE', 10),
};

// Asking for this resource gives a JWT; without it tokens are opaque.
const api = 'urn:example:api';

const key = (type, options) => crypto.generateKeyPairSync(type, options);
const jwk = (k) => k.export({ format: 'jwk' });
const clientKey = key('ec', { namedCurve: 'P-256' });
const signingKeys = [
  { ...jwk(key('rsa', { modulusLength: 2048 }).privateKey), kid: 'rs256', alg: 'RS256', use: 'sig' },
  { ...jwk(key('ec', { namedCurve: 'P-256' }).privateKey), kid: 'es256', alg: 'ES256', use: 'sig' },
];

const machine = (id, more) => ({
  client_id: id, client_secret: 'cc-secret', grant_types: ['client_credentials'],
  response_types: [], redirect_uris: [], ...more,
});
// A native client's redirect may use any port of a loopback address.
const person = (id, more) => ({
  client_id: id, token_endpoint_auth_method: 'none', application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
  redirect_uris: ['http://127.0.0.1/cb', 'http://[::1]/cb'], ...more,
});
// Clients that prove themselves by assertions, signed with one key. The provider
// takes each assertion once.
const assertions = {
  token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256',
  jwks: { keys: [{ ...jwk(clientKey.publicKey), kid: 'cc-jwt', alg: 'ES256', use: 'sig' }] },
};
const clients = [
  // A secret that Basic must form-encode first, as RFC 6749 2.3.1 says.
  machine('cc-basic', { client_secret: 'cc-secret+/=%', token_endpoint_auth_method: 'client_secret_basic' }),
  machine('cc-narrow', { scope: 'api:read' }),
  machine('cc-post', { token_endpoint_auth_method: 'client_secret_post' }),
  machine('cc-dpop', { dpop_bound_access_tokens: true }),
  machine('cc-jwt', { client_secret: undefined, ...assertions }),
  person('native'),
  person('native-jwt', assertions),
  person('native-dpop', { dpop_bound_access_tokens: true }),
  person('device', {
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'], response_types: [], redirect_uris: [],
  }),
  // The API, which may ask about everybody's tokens.
  machine('rs', { client_secret: 'rs-secret', grant_types: [], token_endpoint_auth_method: 'client_secret_basic' }),
];

const accessTTL = (ctx, token) => token.resourceServer?.accessTokenTTL || ttl.access;

const configuration = {
  clients,
  jwks: { keys: signingKeys },
  cookies: { keys: ['tests only'] },
  clockTolerance: 0,
  pkce: { required: () => true },
  scopes: ['openid', 'offline_access', 'api:read', 'api:write'],
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  findAccount: (ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
  ttl: {
    AccessToken: accessTTL, ClientCredentials: accessTTL, RefreshToken: ttl.refresh,
    AuthorizationCode: ttl.code, DeviceCode: ttl.device,
    Grant: 3600, Session: 3600, Interaction: 600, IdToken: 60,
  },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    introspection: {
      enabled: true,
      allowedPolicy: (ctx, client, token) => client.clientId === 'rs' || client.clientId === token.clientId,
    },
    dPoP: {
      enabled: true,
      nonceSecret: crypto.randomBytes(32),
      requireNonce: () => process.env.DPOP_NONCE !== '0',
    },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => {
        if (resource !== api) throw new errors.InvalidTarget();
        return {
          scope: 'api:read api:write', audience: api, accessTokenTTL: ttl.access,
          accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
        };
      },
    },
  },
};

const server = http.createServer();
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);

  // Counted where the provider decides, not where an answer is written: an
  // exchange whose answer got lost has happened all the same.
  const counts = { granted: {}, refused: {} };
  const count = (kind) => (ctx) => {
    const grant = ctx.oidc?.params?.grant_type ?? 'none';
    counts[kind][grant] = (counts[kind][grant] ?? 0) + 1;
  };
  provider.on('grant.success', count('granted'));
  provider.on('grant.error', count('refused'));

  const handle = provider.callback();
  server.on('request', (req, res) => {
    if (req.url === '/_e2e/counts') {
      res.setHeader('Content-Type', 'application/json');
      res.end(JSON.stringify(counts));
      return;
    }
    handle(req, res);
  });
  console.log(`ready ${JSON.stringify({ issuer, clientKey: jwk(clientKey.privateKey) })}`);
});

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
// Nobody needs it this long: whoever forgot it need not hunt for it.
setTimeout(() => process.exit(1), 15 * 60 * 1000).unref();
