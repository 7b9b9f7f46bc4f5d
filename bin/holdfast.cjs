#!/usr/bin/env node
// The pinned Node runs TypeScript as it is; an older one on the PATH only has to get this far.
const { spawn } = require('node:child_process')
const { enableCompileCache } = require('node:module')
const { join } = require('node:path')
const { pathToFileURL } = require('node:url')

const main = join(__dirname, '..', 'src', 'main.ts')
const major = Number(process.versions.node.split('.')[0])

function pinned() {
  try {
    return require.resolve(`node-linux-${process.arch}/bin/node`)
  } catch {
    return undefined
  }
}

function startAnother(node) {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends Ctrl-C to both: the child ends in its own order, and we wait for it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(signal ? 128 + (signal === 'SIGINT' ? 2 : 15) : (code ?? 1)))
}

if (major >= 24) {
  // A verb starts in half the time where its code was compiled before. Where the folder cannot be written, nothing is kept.
  enableCompileCache(join(__dirname, '..', 'node_modules', '.cache', 'holdfast'))
  import(pathToFileURL(main))
} else if (pinned() !== undefined) startAnother(pinned())
else {
  console.error(`holdfast needs Node 24 or newer; this is ${process.versions.node}. Install Node 24 and run it again.`)
  process.exitCode = 1
}
