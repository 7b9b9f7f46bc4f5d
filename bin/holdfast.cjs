#!/usr/bin/env node
// The pinned Node runs TypeScript as it is; an older one on the PATH only has to get this far.
const { spawn } = require('node:child_process')
const { join } = require('node:path')

const main = join(__dirname, '..', 'src', 'main.ts')
const major = Number(process.versions.node.split('.')[0])

function pinned() {
  try {
    return require.resolve(`node-linux-${process.arch}/bin/node`)
  } catch {
    return undefined
  }
}

const node = major >= 24 ? process.execPath : pinned()
if (node === undefined) {
  console.error(`holdfast needs Node 24 or newer; this is ${process.versions.node}. Install Node 24 and run it again.`)
  process.exit(1)
}
const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
// A terminal sends Ctrl-C to both: the child ends in its own order, and we wait for it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(signal ? 128 + (signal === 'SIGINT' ? 2 : 15) : (code ?? 1)))
