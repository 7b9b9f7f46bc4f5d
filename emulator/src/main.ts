import { keepCompiledCode } from './processes/code-cache.ts'

keepCompiledCode()
await import('./processes/front-process.ts')
