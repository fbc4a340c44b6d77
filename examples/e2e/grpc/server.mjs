// An application that speaks gRPC, by @grpc/grpc-js: it says again what it is told, fails, and ticks without end.

import * as grpc from '@grpc/grpc-js';
import { definition } from './service.mjs';

const server = new grpc.Server();
server.addService(definition, {
  unary(call, answer) {
    const trailers = new grpc.Metadata();
    trailers.set('said-by', 'node');
    answer(null, call.request, trailers);
  },
  fail(_call, answer) {
    const metadata = new grpc.Metadata();
    metadata.set('why', 'it was asked to');
    answer({ code: grpc.status.NOT_FOUND, details: 'no such thing: 100 % sure', metadata });
  },
  chat(call) {
    call.on('data', (message) => call.write(message));
    call.on('end', () => call.end());
  },
  ticks(call) {
    const timer = setInterval(() => call.write(Buffer.from('tick')), 20);
    call.on('cancelled', () => clearInterval(timer));
  },
});
server.bindAsync(process.env.ADDRESS, grpc.ServerCredentials.createInsecure(), (err) => {
  if (err) throw err;
  console.log('listening');
});
