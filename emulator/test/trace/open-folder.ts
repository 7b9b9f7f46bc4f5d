import { makeDurableFolder } from '../../src/state/durable-folder.ts'

/** Makes the folder that its argument names, for the trace of what that takes. */
makeDurableFolder(process.argv[2] ?? '')
