// fogchain's framed request protocol, as node/p2p/frames.py draws it:
// frame = unsigned varint length | CBOR of [1, id, kind, payload]

import { decode, encode } from 'cborg'

export const REQUEST = 0
export const ANSWER = 1
export const ERROR = 2

export function frame (id, kind, payload) {
  const body = encode([1, id, kind, payload])
  const head = []
  let length = body.length
  for (; length > 0x7f; length >>= 7) head.push((length & 0x7f) | 0x80)
  return Uint8Array.from([...head, length, ...body])
}

// Envelopes of a stream, as they become whole.
export async function * envelopes (stream) {
  let buffer = new Uint8Array(0)
  for await (const chunk of stream) {
    buffer = Buffer.concat([buffer, chunk.subarray()])
    for (;;) {
      let length = 0
      let at = 0
      do {
        if (at >= buffer.length) break
        length |= (buffer[at] & 0x7f) << (7 * at)
      } while (buffer[at++] >= 0x80)
      if (at === 0 || buffer[at - 1] >= 0x80 || buffer.length < at + length) break
      const [version, id, kind, payload] = decode(buffer.subarray(at, at + length))
      if (version !== 1) throw new Error(`envelope version ${version}`)
      yield { id, kind, payload }
      buffer = buffer.subarray(at + length)
    }
  }
}
