// Node 20 lacks this; js-libp2p wants Node 22. Loaded by `node --import`.
Promise.withResolvers ??= function () {
  const out = {}
  out.promise = new this((resolve, reject) => Object.assign(out, { resolve, reject }))
  return out
}
