// A js-libp2p peer, driven by JSON lines: {id, op, args} in, {id, ok | error} out; the first line out is its addresses.
// It serves hello and echo in fogchain's request protocol, asks others in it, pings, and tells what identify says.

import { createInterface } from 'node:readline'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { encode, decode } from 'cborg'
import { createLibp2p } from 'libp2p'
import { ANSWER, ERROR, REQUEST, envelopes, frame } from './frames.mjs'

const network = process.argv[2]
const hello = () => encode([1, network, 'js-peer/1', []])
const protocol = (subject) => `/fogchain/${subject}/1.0.0`

const node = await createLibp2p({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  connectionGater: { denyDialMultiaddr: () => false }, // loopback is all there is here
  services: { identify: identify(), ping: ping() }
})

async function send (stream, bytes) {
  if (!stream.send(bytes)) await stream.onDrain()
}

async function serve (subject, handler) {
  await node.handle(protocol(subject), async (stream) => {
    for await (const { id, payload } of envelopes(stream)) await send(stream, frame(id, ANSWER, handler(payload)))
  })
}

await serve('echo', (payload) => payload)
await serve('hello', hello)

async function ask (peer, subject, payloads) {
  const stream = await node.dialProtocol(peer, protocol(subject))
  let id = 0
  const answers = {}
  for (const payload of payloads) await send(stream, frame(++id, REQUEST, payload))
  for await (const answer of envelopes(stream)) {
    answers[answer.id] = answer
    if (Object.keys(answers).length === id) break
  }
  await stream.close()
  return Object.values(answers).map(({ kind, payload }) => {
    if (kind === ERROR) throw new Error(decode(payload).join(' | '))
    return payload
  })
}

const ops = {
  dial: async ({ address }) => { await node.dial(multiaddr(address)) },
  hello: async ({ address }) => decode((await ask(multiaddr(address), 'hello', [hello()]))[0]),
  ping: async ({ address }) => node.services.ping.ping(multiaddr(address)),
  identify: async ({ address }) => {
    const { agentVersion, protocols } = await node.services.identify.identify(await node.dial(multiaddr(address)))
    return { agentVersion, protocols }
  },
  request: async ({ address, subject, payloads }) =>
    (await ask(multiaddr(address), subject, payloads.map((text) => Buffer.from(text)))).map((bytes) => Buffer.from(bytes).toString()),
  echoLarge: async ({ address, size }) => {
    const sent = Buffer.alloc(size, 'fog')
    return sent.equals((await ask(multiaddr(address), 'echo', [sent]))[0])
  },
  peers: async () => node.getPeers().map(String)
}

const say = (message) => process.stdout.write(JSON.stringify(message) + '\n')
say({ peer_id: node.peerId.toString(), addresses: node.getMultiaddrs().map(String) })

for await (const line of createInterface({ input: process.stdin })) {
  const { id, op, args } = JSON.parse(line)
  ops[op](args ?? {}).then((ok) => say({ id, ok: ok ?? null }), (error) => say({ id, error: `${error.name}: ${error.message}` }))
}
await node.stop()
