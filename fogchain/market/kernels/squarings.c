// Squares a number modulo another, so many times in a row: `squarings T < modulus ‖ base`, 64 bytes each, big-endian.
// Writes 64 bytes: base^(2^T) · R^(1 - 2^T) mod modulus, where R = 2^512. A step is a Montgomery multiplication of the
// value with itself; T of them can't be done other than one after another by who does not know the modulus's factors.
// Nothing in a step depends on the numbers, so T alone decides how much fuel is burnt.

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum { LIMBS = 16, BYTES = 64 };

static uint32_t n[LIMBS], x[LIMBS];

static void load(uint32_t *to, const unsigned char *from) {
  for (int i = 0; i < LIMBS; i++) {
    const unsigned char *p = from + BYTES - 4 * (i + 1);
    to[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
  }
}

static void square(uint32_t inverse) {
  uint32_t t[LIMBS + 2] = {0};
  for (int i = 0; i < LIMBS; i++) {
    uint64_t carry = 0;
    for (int j = 0; j < LIMBS; j++) {
      carry += (uint64_t)x[j] * x[i] + t[j];
      t[j] = (uint32_t)carry;
      carry >>= 32;
    }
    carry += t[LIMBS];
    t[LIMBS] = (uint32_t)carry;
    t[LIMBS + 1] = (uint32_t)(carry >> 32);
    uint32_t m = t[0] * inverse;
    carry = ((uint64_t)m * n[0] + t[0]) >> 32;
    for (int j = 1; j < LIMBS; j++) {
      carry += (uint64_t)m * n[j] + t[j];
      t[j - 1] = (uint32_t)carry;
      carry >>= 32;
    }
    carry += t[LIMBS];
    t[LIMBS - 1] = (uint32_t)carry;
    t[LIMBS] = t[LIMBS + 1] + (uint32_t)(carry >> 32);
  }
  uint32_t less[LIMBS];
  uint64_t borrow = 0;
  for (int j = 0; j < LIMBS; j++) {
    uint64_t d = (uint64_t)t[j] - n[j] - borrow;
    less[j] = (uint32_t)d;
    borrow = d >> 63;
  }
  uint32_t keep = 0 - (uint32_t)(t[LIMBS] < borrow);  // all ones when t is below n
  for (int j = 0; j < LIMBS; j++) x[j] = (t[j] & keep) | (less[j] & ~keep);
}

int main(int argc, char **argv) {
  unsigned char given[2 * BYTES];
  if (argc != 2 || read(0, given, sizeof given) != (ssize_t)sizeof given) return 2;
  load(n, given);
  load(x, given + BYTES);
  uint32_t inverse = 1;  // of n[0] modulo 2^32, then its negative
  for (int i = 0; i < 5; i++) inverse *= 2 - n[0] * inverse;
  inverse = 0 - inverse;
  unsigned long count = strtoul(argv[1], 0, 10);
  for (unsigned long i = 0; i < count; i++) square(inverse);
  unsigned char result[BYTES];
  for (int i = 0; i < LIMBS; i++)
    for (int k = 0; k < 4; k++) result[BYTES - 1 - 4 * i - k] = (unsigned char)(x[i] >> (8 * k));
  return write(1, result, sizeof result) == (ssize_t)sizeof result ? 0 : 3;
}
