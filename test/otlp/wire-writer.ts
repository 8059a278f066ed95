/** Protobuf by hand, for what no SDK writes: `field(1, 2, bytes)` and so on, joined with `Buffer.concat`. */
export function varint(value: number | bigint): Buffer {
  const bytes = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

export function numberField(number: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(number * 8), varint(value)])
}

export function fixed64Field(number: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value))
  return Buffer.concat([varint(number * 8 + 1), bytes])
}

export function doubleField(number: number, value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([varint(number * 8 + 1), bytes])
}

export function bytesField(number: number, ...parts: (Buffer | string)[]): Buffer {
  const value = Buffer.concat(parts.map((part) => Buffer.from(part as Buffer)))
  return Buffer.concat([varint(number * 8 + 2), varint(value.length), value])
}

/** A request with this as its only metric. */
export function requestWithMetric(...metric: Buffer[]): Buffer {
  return bytesField(1, bytesField(2, bytesField(2, ...metric)))
}
