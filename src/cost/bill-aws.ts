import type { ChargeCategory } from '../domain/bill.ts';

/** https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html; types that are not here are usage. */
const CHARGE_CATEGORY_OF: Readonly<Record<string, ChargeCategory>> = {
  Fee: 'Purchase',
  RIFee: 'Purchase',
  SavingsPlanUpfrontFee: 'Purchase',
  SavingsPlanRecurringFee: 'Purchase',
  Tax: 'Tax',
  Credit: 'Credit',
  BundledDiscount: 'Credit',
  Discount: 'Credit',
  EdpDiscount: 'Credit',
  PrivateRateDiscount: 'Credit',
  RiVolumeDiscount: 'Credit',
  DistributorDiscount: 'Credit',
  Refund: 'Adjustment',
};

export function awsChargeCategory(lineItemType: string): { chargeCategory: ChargeCategory; correction: boolean } {
  const known = Object.hasOwn(CHARGE_CATEGORY_OF, lineItemType) ? CHARGE_CATEGORY_OF[lineItemType] : undefined;
  // A refund takes back what an earlier bill charged.
  return { chargeCategory: known ?? 'Usage', correction: lineItemType === 'Refund' };
}

/** FOCUS's service categories of the products that make up most bills; the report itself has none. */
const CATEGORY_OF: readonly (readonly [pattern: RegExp, category: string])[] = [
  [/^(AmazonEC2|AWSLambda|AmazonECS|AmazonEKS|AmazonLightsail|AWSBatch|AmazonElasticMapReduce)$/, 'Compute'],
  [
    /^(AmazonRDS|AmazonDynamoDB|AmazonElastiCache|AmazonRedshift|AmazonNeptune|AmazonDocDB|AmazonMemoryDB)$/,
    'Databases',
  ],
  [/^(AmazonS3|AmazonEFS|AmazonFSx|AmazonGlacier|AWSBackup|AmazonECR)$/, 'Storage'],
  [/^(AmazonBedrock.*|AmazonSageMaker|AmazonTextract|AmazonComprehend|AmazonRekognition)$/, 'AI and Machine Learning'],
  [/^(AmazonVPC|AWSELB|AmazonCloudFront|AmazonRoute53|AWSDirectConnect|AWSDataTransfer)$/, 'Networking'],
  [/^(AmazonCloudWatch|AWSCloudTrail|AWSConfig|AWSSystemsManager)$/, 'Management and Governance'],
  [/^(awskms|AWSSecretsManager|AmazonGuardDuty|awswaf|AmazonInspector.*)$/, 'Security'],
];

export function awsCategory(productCode: string): string {
  return CATEGORY_OF.find(([pattern]) => pattern.test(productCode))?.[1] ?? 'Other';
}
