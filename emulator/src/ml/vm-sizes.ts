/** What the vendor publishes of a virtual machine size, and how many of its family a subscription may use. */
export interface VmSize {
  readonly name: string
  readonly family: string
  readonly vCPUs: number
  readonly gpus: number
  readonly memoryGB: number
  readonly maxResourceVolumeMB: number
}

/** Sizes that the emulator knows: those of the vendor's documentation and samples. Others are accepted and not counted. */
export const VM_SIZES: readonly VmSize[] = [
  size('Standard_DS1_v2', 'standardDSv2Family', [1, 0, 3.5, 7168]),
  size('Standard_DS2_v2', 'standardDSv2Family', [2, 0, 7, 14336]),
  size('Standard_DS3_v2', 'standardDSv2Family', [4, 0, 14, 28672]),
  size('Standard_DS4_v2', 'standardDSv2Family', [8, 0, 28, 57344]),
  size('Standard_DS5_v2', 'standardDSv2Family', [16, 0, 56, 114688]),
  size('Standard_DS11_v2', 'standardDSv2Family', [2, 0, 14, 28672]),
  size('Standard_DS12_v2', 'standardDSv2Family', [4, 0, 28, 57344]),
  size('Standard_D2_v2', 'standardDv2Family', [2, 0, 7, 102400]),
  size('Standard_D2s_v3', 'standardDSv3Family', [2, 0, 8, 16384]),
  size('Standard_D4s_v3', 'standardDSv3Family', [4, 0, 16, 32768]),
  size('Standard_D8s_v3', 'standardDSv3Family', [8, 0, 32, 65536]),
  size('Standard_D4ds_v4', 'standardDDSv4Family', [4, 0, 16, 153600]),
  size('Standard_E4s_v3', 'standardESv3Family', [4, 0, 32, 65536]),
  size('Standard_E4ds_v4', 'standardEDSv4Family', [4, 0, 32, 153600]),
  size('Standard_F2s_v2', 'standardFSv2Family', [2, 0, 4, 16384]),
  size('Standard_F4s_v2', 'standardFSv2Family', [4, 0, 8, 32768]),
  size('Standard_NC6s_v3', 'standardNCSv3Family', [6, 1, 112, 344064]),
  size('Standard_NC12s_v3', 'standardNCSv3Family', [12, 2, 224, 688128]),
  size('Standard_NC24s_v3', 'standardNCSv3Family', [24, 4, 448, 1376256]),
  size('Standard_NC4as_T4_v3', 'standardNCASv3_T4Family', [4, 1, 28, 180224]),
  size('Standard_NC24ads_A100_v4', 'StandardNCADSA100v4Family', [24, 1, 220, 65536]),
  size('Standard_ND40rs_v2', 'standardNDSv2Family', [40, 8, 672, 2981888]),
  size('Standard_ND96asr_v4', 'standardNDASv4_A100Family', [96, 8, 900, 6291456]),
]

/** Cores that a subscription may use of a family and region before anyone asks for more. */
export const USUAL_LIMIT = 300

/** The families of {@link VM_SIZES}, each once. */
export const VM_FAMILIES: readonly string[] = [...new Set(VM_SIZES.map(({ family }) => family))]

export function vmSize(name: string): VmSize | undefined {
  return VM_SIZES.find((one) => one.name.toLowerCase() === name.toLowerCase())
}

function size(name: string, family: string, numbers: readonly [number, number, number, number]): VmSize {
  const [vCPUs, gpus, memoryGB, maxResourceVolumeMB] = numbers
  return { name, family, vCPUs, gpus, memoryGB, maxResourceVolumeMB }
}
