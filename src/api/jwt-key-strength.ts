/** Which of the keys that an identity provider publishes prove anything. */
import type { JWK } from 'jose';

const MIN_RSA_BITS = 2_048;
/** Members of RFC 7518 that hold what only the signer may know. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** Moduli of Infineon's RSALib (CVE-2017-15361) are powers of 65537 modulo each of these primes; of others one in 2^27 is. */
const ROCA_PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
const ROCA_GENERATOR = 65_537;
const ROCA_REMAINDERS: readonly (readonly [prime: bigint, remainders: ReadonlySet<bigint>])[] = ROCA_PRIMES.map(
  (prime) => [BigInt(prime), powersOf(ROCA_GENERATOR % prime, prime)],
);

function powersOf(base: number, modulus: number): ReadonlySet<bigint> {
  const powers = new Set<bigint>();
  for (let power = 1; !powers.has(BigInt(power)); power = (power * base) % modulus) powers.add(BigInt(power));
  return powers;
}

/**
 * Whether a signature by this key says anything. Not if anybody could have made it: a key for HMAC that stands on a
 * public page, one published with its private half, RSA keys that are short, whose exponent is 1 or even, or whose
 * primes can be found (ROCA). Curves need no check here: the import of a key refuses points that are on none.
 */
export function mayVerify(key: JWK): boolean {
  if (SECRET_MEMBERS.some((member) => Object.hasOwn(key, member))) return false;
  return key.kty === 'RSA' ? isStrongRsa(key) : true;
}

function isStrongRsa({ n, e }: JWK): boolean {
  const modulus = bigIntOf(n);
  const exponent = bigIntOf(e);
  if (modulus.toString(2).length < MIN_RSA_BITS || exponent < 3n || exponent % 2n === 0n) return false;
  return !ROCA_REMAINDERS.every(([prime, remainders]) => remainders.has(modulus % prime));
}

/** 0 for what is no number. */
function bigIntOf(text: unknown): bigint {
  if (typeof text !== 'string') return 0n;
  const hex = Buffer.from(text, 'base64url').toString('hex');
  return hex === '' ? 0n : BigInt(`0x${hex}`);
}
