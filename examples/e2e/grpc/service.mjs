// The service, without a schema: messages are bytes.

const same = (bytes) => bytes;
const method = (name, requestStream, responseStream) => ({
  path: `/picket.Echo/${name}`, requestStream, responseStream,
  requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same,
});

export const definition = {
  unary: method('Unary', false, false),
  fail: method('Fail', false, false),
  chat: method('Chat', true, true),
  ticks: method('Ticks', false, true),
};
