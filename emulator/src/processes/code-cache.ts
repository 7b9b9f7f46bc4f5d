import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

/**
 * Keeps compiled code between starts, beside the packages: a process is up in half the time then, and without
 * the memory of what strips types. To be called before the rest is imported. Where the folder cannot be
 * written, nothing is kept.
 */
export function keepCompiledCode(): void {
  enableCompileCache(fileURLToPath(new URL('../../../node_modules/.cache/holdfast-emulator', import.meta.url)))
}

/** Writes down now what was compiled up to now, since a process that is killed writes nothing at its end. */
export function writeCompiledCode(): void {
  flushCompileCache()
}
