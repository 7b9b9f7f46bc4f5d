import { keepCompiledCode } from './processes/code-cache.ts'

// A region whose parent is gone must not go on acting, so this ends at once and in no good order.
process.on('disconnect', () => process.exit(1))
// Ctrl-C reaches the whole group of the terminal; the front decides when a region ends.
process.on('SIGINT', () => undefined)

keepCompiledCode()
try {
  await import('./processes/region-process.ts')
} catch (failure) {
  // The front tells it to whoever asked for the region, and lets go of this process when it has heard.
  process.send?.({ failed: failure instanceof Error ? failure.message : String(failure) })
}
