/*
 * consent_key.h
 *	  The position of a subject's key in the order that pages, deltas and agenda
 *	  share; inline, for every row is asked.
 *
 * The order is keyed by the domain's salt.  Nobody who can choose keys can
 * therefore choose where they fall, so nobody can fill one page on purpose.
 */
#ifndef PRIVSEG_CONSENT_KEY_H
#define PRIVSEG_CONSENT_KEY_H

#include "consent.h"
#include "crypto.h"
#include "port/pg_bswap.h"

#pragma GCC visibility push(hidden)

/* Steele, Lea, Flood (2014), SplitMix64's finaliser: a bijection of 64 bits */
static inline uint64
mix64(uint64 x)
{
	x ^= x >> 30;
	x *= UINT64CONST(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64CONST(0x94d049bb133111eb);
	x ^= x >> 31;
	return x;
}

/* Appleby, MurmurHash3's 32-bit finaliser between two keys: a bijection of 32 bits */
static inline uint32
mix32(uint32 x, const uint64 *salt)
{
	x += (uint32) salt[0];
	x ^= x >> 16;
	x *= 0x85ebca6b;
	x ^= x >> 13;
	x *= 0xc2b2ae35;
	x ^= x >> 16;
	return x ^ (uint32) salt[1];
}

/*
 * position_of_integer -- exact: a bijection of the key.  The low half stays as
 * it is: keys that were given out together stay together, so that a table in
 * the order of its keys (serial numbers, snowflake ids) is scanned with the
 * set's caches warm.
 */
static inline SubjectPosition
position_of_integer(const uint64 *salt, int64 key)
{
	SubjectPosition position;
	uint64 raw = (uint64) key;

	position.hi = ((uint64) mix32((uint32) (raw >> 32), salt) << 32) | (uint32) raw;
	position.lo = 0;
	return position;
}

/* position_of_uuid -- exact: (hi, lo) is a bijection of the 128 bits */
static inline SubjectPosition
position_of_uuid(const uint64 *salt, const void *uuid)
{
	SubjectPosition position;
	uint64 first;
	uint64 second;

	memcpy(&first, uuid, 8);
	memcpy(&second, (const char *) uuid + 8, 8);
	first = pg_ntoh64(first);
	second = pg_ntoh64(second);
	position.hi = mix64((first ^ salt[0]) + mix64(second ^ salt[1]));
	position.lo = second;
	return position;
}

/* four bytes, the first the lowest */
static inline uint32
load_four(const char *text)
{
	uint32 word;

	memcpy(&word, text, sizeof(word));
#ifdef WORDS_BIGENDIAN
	word = pg_bswap32(word);
#endif
	return word;
}

/* n bytes, at most eight, the first the lowest; by loads that may overlap */
static inline uint64
load_bytes(const char *text, size_t n)
{
	if (n >= 4)
		return load_four(text) | (uint64) load_four(text + n - 4) << (8 * (n - 4));
	if (n == 0)
		return 0;
	return (uint8) text[0] | (uint64) (uint8) text[n / 2] << (8 * (n / 2)) |
		   (uint64) (uint8) text[n - 1] << (8 * (n - 1));
}

#define TEXT_EXACT_BYTES 16

/*
 * position_of_text -- of at most 16 bytes: exact, a bijection of the bytes with
 * zeros behind them, which no text contains; by a Feistel network of two rounds,
 * so that both halves look random.  Longer: 128 bits of a keyed hash.
 */
static inline SubjectPosition
position_of_text(const uint64 *salt, const char *text, size_t length)
{
	SubjectPosition position;
	uint64 first;
	uint64 second;

	if (unlikely(length > TEXT_EXACT_BYTES))
	{
		crypto_hash128((const uint8 *) salt, text, length, (uint8 *) &position);
		return position;
	}
	first = load_bytes(text, Min(length, 8));
	second = length > 8 ? load_bytes(text + 8, length - 8) : 0;
	position.hi = mix64((first ^ salt[0]) + mix64(second ^ salt[1]));
	position.lo = second ^ mix64(position.hi + salt[0]);
	return position;
}

/* the inverse of mix64() */
static inline uint64
unmix64(uint64 x)
{
	x ^= x >> 31 ^ x >> 62;
	x *= UINT64CONST(0x319642b2d24d8ec3);
	x ^= x >> 27 ^ x >> 54;
	x *= UINT64CONST(0x96de1b173f119089);
	x ^= x >> 30 ^ x >> 60;
	return x;
}

/* the inverse of mix32() */
static inline uint32
unmix32(uint32 x, const uint64 *salt)
{
	x ^= (uint32) salt[1];
	x ^= x >> 16;
	x *= 0x7ed1b41d;
	x ^= x >> 13 ^ x >> 26;
	x *= 0xa5cb9243;
	x ^= x >> 16;
	return x - (uint32) salt[0];
}

/* integer_of_position -- the key at a position */
static inline int64
integer_of_position(const uint64 *salt, SubjectPosition position)
{
	return (int64) (((uint64) unmix32((uint32) (position.hi >> 32), salt) << 32) |
					(uint32) position.hi);
}

/* uuid_of_position -- the same, 16 bytes */
static inline void
uuid_of_position(const uint64 *salt, SubjectPosition position, void *uuid)
{
	uint64 first = (unmix64(position.hi) - mix64(position.lo ^ salt[1])) ^ salt[0];
	uint64 second = position.lo;

	first = pg_hton64(first);
	second = pg_hton64(second);
	memcpy(uuid, &first, 8);
	memcpy((char *) uuid + 8, &second, 8);
}

/*
 * text_of_position -- the same, of a text of at most TEXT_EXACT_BYTES; returns its length.  The
 * position of a longer one cannot be told from these.
 */
static inline size_t
text_of_position(const uint64 *salt, SubjectPosition position, char text[TEXT_EXACT_BYTES])
{
	uint64 second = position.lo ^ mix64(position.hi + salt[0]);
	uint64 first = (unmix64(position.hi) - mix64(second ^ salt[1])) ^ salt[0];
	size_t length = 0;

	for (int i = 0; i < TEXT_EXACT_BYTES; i++)
	{
		text[i] = (char) ((i < 8 ? first >> (8 * i) : second >> (8 * (i - 8))) & 0xff);
		if (text[i] != 0)
			length = i + 1;
	}
	return length;
}

#pragma GCC visibility pop

#endif /* PRIVSEG_CONSENT_KEY_H */
