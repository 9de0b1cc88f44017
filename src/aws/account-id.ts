/** The 12 digits in an ARN of AWS IoT Core; undefined where there are none. */
export function accountOf(arn: string | undefined): string | undefined {
  return /^arn:[\w-]+:iot:[\w-]*:(\d{12}):/.exec(arn ?? '')?.[1];
}
