// Certified OpenID providers for the tests: one a configuration, each on a free port of loopback.
// usage: node serve.mjs '[{"client_id", "client_secret" | "client_jwk", "redirect_uris", "algorithm", "persons": [...]}]'
// Says one line of JSON, the issuers' URLs, once all listen. A sign-in is one form post of `person`.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const keyOf = (algorithm) => {
  const pair = algorithm.startsWith('ES')
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...pair.privateKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', kid: `key-${algorithm}` };
};

const clientOf = (config) => ({
  client_id: config.client_id,
  redirect_uris: config.redirect_uris,
  post_logout_redirect_uris: config.post_logout_uris ?? [],
  ...(config.back_channel ? { backchannel_logout_uri: config.back_channel, backchannel_logout_session_required: true } : {}),
  response_types: ['code'],
  grant_types: ['authorization_code'],
  id_token_signed_response_alg: config.algorithm,
  ...(config.client_jwk
    ? { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [config.client_jwk] } }
    : { token_endpoint_auth_method: 'client_secret_basic', client_secret: config.client_secret }),
});

const personOf = (config, id) => config.persons.find((person) => person.id === id);

const providerOf = (issuer, config) => new Provider(issuer, {
  clients: [clientOf(config)],
  jwks: { keys: [keyOf(config.algorithm)] },
  enabledJWA: { idTokenSigningAlgValues: [config.algorithm], clientAuthSigningAlgValues: ['ES256', 'PS256', 'RS256'] },
  cookies: { keys: ['tests only'] },
  pkce: { required: () => true },
  acrValues: ['substantial', 'low', 'high'],
  conformIdTokenClaims: false,
  claims: {
    openid: ['sub', 'acr', 'amr', 'auth_time', 'sid'], profile: ['name', 'locale', 'zoneinfo'], email: ['email', 'email_verified'],
  },
  features: {
    devInteractions: { enabled: false },
    pushedAuthorizationRequests: { enabled: config.par !== false, requirePushedAuthorizationRequests: Boolean(config.fapi) },
    ...(config.fapi ? { fapi: { enabled: true, profile: '2.0' } } : {}),
    backchannelLogout: { enabled: Boolean(config.back_channel) },
  },
  // its own fetch refuses loopback, where the tests are
  ...(config.back_channel ? { fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }) } : {}),
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_context, id) => {
    const person = personOf(config, id);
    return person && { accountId: id, claims: () => ({ sub: id, name: person.name, email: person.email, email_verified: true }) };
  },
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid profile email');
    await grant.save();
    return grant;
  },
  ttl: { Session: 600, Interaction: 600, Grant: 600, AccessToken: 60, AuthorizationCode: 60, IdToken: 300 },
});

const read = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return new URLSearchParams(Buffer.concat(parts).toString());
};

const interact = async (provider, config, request, response) => {
  if (request.method === 'GET') {
    const rows = config.persons.map((person) => `<button name="person" value="${person.id}">${person.name}</button>`);
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><title>Sign in</title><form method="post">${rows.join('')}</form>`);
    return;
  }
  const person = personOf(config, (await read(request)).get('person'));
  await provider.interactionFinished(
    request, response,
    person ? { login: { accountId: person.id, acr: person.acr, amr: person.amr } } : { error: 'access_denied' },
    { mergeWithLastSubmission: false },
  );
};

const listen = (config) => new Promise((resolve) => {
  let handle;
  const server = createServer((request, response) => handle(request, response));
  server.listen(0, '127.0.0.1', () => {
    const issuer = `http://127.0.0.1:${server.address().port}`;
    const provider = providerOf(issuer, config);
    const callback = provider.callback();
    provider.on('server_error', (_context, error) => console.error(error));
    handle = (request, response) => {
      const done = request.url.startsWith('/interaction/')
        ? interact(provider, config, request, response)
        : callback(request, response);
      Promise.resolve(done).catch((error) => { console.error(error); response.statusCode = 500; response.end(); });
    };
    resolve(issuer);
  });
});

console.log(JSON.stringify(await Promise.all(JSON.parse(process.argv[2]).map(listen))));
