// A program that speaks gRPC, by @grpc/grpc-js: it asks in every way there is, and tells what came of each as a line of JSON.

import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { definition } from './service.mjs';

const { ADDRESS, AUTHORITY, CA, BEARER } = process.env;
const Echo = grpc.makeGenericClientConstructor(definition, 'picket.Echo');
const client = new Echo(ADDRESS, grpc.credentials.createSsl(readFileSync(CA)), {
  'grpc.ssl_target_name_override': AUTHORITY, 'grpc.default_authority': AUTHORITY,
});
const somebody = new grpc.Metadata();
somebody.set('authorization', `Bearer ${BEARER}`);

const tell = (step, what) => console.log(JSON.stringify({ step, ...what }));
const ended = ({ code, details, metadata }) => ({ code, details, why: String(metadata.get('why')) });

// ask resolves to what a call of one message ends with, and to what it was told.
const ask = (method, message, metadata) => new Promise((done) => {
  let said = '';
  const call = client[method](Buffer.from(message), metadata, (_err, answer) => { said = String(answer ?? ''); });
  call.on('status', (status) => setImmediate(() => done({ ...ended(status), said, trailer: String(status.metadata.get('said-by')) })));
});

tell('nobody', await ask('unary', 'hello', new grpc.Metadata()));
tell('somebody', await ask('unary', 'hello', somebody));
tell('large', { length: (await ask('unary', 'x'.repeat(1 << 20), somebody)).said.length });
tell('fails', await ask('fail', '', somebody));

await new Promise((done) => {
  const chat = client.chat(somebody);
  let heard = '';
  chat.on('data', (message) => {
    heard += message;
    if (heard.length < 5) chat.write(Buffer.from('ab'[heard.length % 2]));
    else chat.end();
  });
  chat.on('status', (status) => { tell('chat', { ...ended(status), said: heard }); done(); });
  chat.write(Buffer.from('a'));
});

const ticks = client.ticks(Buffer.alloc(0), somebody);
let heard = 0;
ticks.on('data', () => { if (++heard === 3) tell('ticks', {}); });
ticks.on('error', () => {}); // the status says it
ticks.on('status', (status) => { tell('cut', ended(status)); client.close(); });
