// The certified OpenID provider of the end-to-end suite, on loopback, with three people and one client.
// What it is told comes from the environment, as the suite sets it; all state is in memory.

import { randomBytes, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const port = Number(required('PORT'));
const issuer = `http://127.0.0.1:${port}`;

const people = {
  alice: { name: 'Alice Adams', groups: ['admins', 'staff'] },
  bob: { name: 'Bob Brown', groups: ['staff'] },
  mallory: { name: 'Mallory Moore', groups: [] },
};

const provider = new Provider(issuer, {
  clients: [{
    client_id: required('CLIENT_ID'),
    client_secret: required('CLIENT_SECRET'),
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [required('REDIRECT_URI')],
    post_logout_redirect_uris: [required('POST_LOGOUT_REDIRECT_URI')],
  }],
  jwks: { keys: [signingKey()] },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  claims: {
    openid: ['sub', 'groups'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
  },
  // As the standard has it (OpenID Connect Core 1.0, section 5.4): claims of a scope come from userinfo, not with the ID token.
  conformIdTokenClaims: true,
  pkce: { required: () => true },
  rotateRefreshToken: true,
  // Without a page that asks for consent a web client gets no offline_access; this client may refresh all the same.
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  loadExistingGrant: grantAll,
  findAccount,
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true, logoutSource, postLogoutSuccessSource },
  },
  ttl: { AccessToken: 300, AuthorizationCode: 60, IdToken: 3600, Interaction: 900, RefreshToken: 86400, Session: 86400, Grant: 86400 },
  renderError: async (ctx, out) => {
    ctx.type = 'html';
    ctx.body = page('This did not work', `<p id="error">${escape(out.error)}: ${escape(out.error_description ?? '')}</p>`);
  },
});

const callback = provider.callback();

const server = createServer(async (request, response) => {
  try {
    if (request.url.startsWith('/interaction/')) await interaction(request, response);
    else await callback(request, response);
  } catch (error) {
    console.error(error);
    if (!response.headersSent) send(response, 400, page('This did not work', `<p id="error">${escape(error.message)}</p>`));
    else response.end();
  }
});

server.listen(port, '127.0.0.1', () => console.log(`ready: ${issuer}`));
process.on('SIGTERM', () => { server.close(); server.closeAllConnections(); });

// interaction shows the people, and takes the one who was picked.
async function interaction(request, response) {
  const details = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    const buttons = Object.entries(people).map(([id, person]) =>
      `<button id="${id}" name="person" value="${id}">${escape(person.name)}</button>`);
    send(response, 200, page('Who are you?', `<form method="post">${buttons.join(' ')}</form>`));
    return;
  }
  const form = new URLSearchParams(await body(request));
  const accountId = form.get('person');
  if (!Object.hasOwn(people, accountId)) throw new Error(`nobody of that name in ${details.uid}`);
  await provider.interactionFinished(request, response, { login: { accountId, amr: ['user'] } }, { mergeWithLastSubmission: false });
}

async function findAccount(_ctx, id) {
  if (!Object.hasOwn(people, id)) return undefined;
  const { name, groups } = people[id];
  return {
    accountId: id,
    claims: async () => ({ sub: id, name, preferred_username: id, email: `${id}@example.com`, email_verified: true, groups }),
  };
}

// grantAll stands for an administrator who has consented for everybody.
async function grantAll(ctx) {
  const { session, client } = ctx.oidc;
  const granted = session.grantIdFor(client.clientId);
  if (granted) return provider.Grant.find(granted);
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid profile email offline_access');
  await grant.save();
  return grant;
}

async function logoutSource(ctx, form) {
  ctx.body = page('Sign out here too?', `${form}<button id="yes" type="submit" form="op.logoutForm" name="logout" value="yes">Yes, sign me out</button>`);
}

async function postLogoutSuccessSource(ctx) {
  ctx.body = page('Signed out', '<p id="signed-out">You are signed out.</p>');
}

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(8).toString('hex'), alg: 'RS256', use: 'sig' };
}

async function body(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > 4096) throw new Error('too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function send(response, status, html) {
  response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(html);
}

function page(title, content) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${content}`;
}

function escape(text) {
  return String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
