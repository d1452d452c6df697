/*
 * encrypted_value.c
 *	  Reads any bytes as an encrypted value, and as the armour of one: nothing is read that is
 *	  not there, what is taken adds up, and armour gives back what was put into it.
 *
 * With libFuzzer, or (STANDALONE) over files: see test/fuzz/run.
 */
#include "compat.h"

#include "common/base64.h"
#include "encrypted.h"

#define CHECK(condition)                                                                           \
	do                                                                                             \
	{                                                                                              \
		if (!(condition))                                                                          \
			__builtin_trap();                                                                      \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

static void
check_value(const uint8 *bytes, size_t len)
{
	/* exactly as long as it is, so that a byte too many is seen */
	uint8 *copy = malloc(len > 0 ? len : 1);
	EncryptedHeader header;

	memcpy(copy, bytes, len);
	if (encrypted_parse(copy, len, &header))
	{
		volatile uint8 sum = 0;

		CHECK(header.start == copy && header.header_len + header.sealed_len == len);
		CHECK(header.sealed == copy + header.header_len);
		CHECK(header.sealed_len == header.plain_len + aead_overhead(header.cipher));
		CHECK(header.code > ENCRYPTED_NONE && header.code < ENCRYPTED_N_CODES);
		CHECK(encrypted_types[header.code].length < 0 ||
			  header.plain_len == (size_t) encrypted_types[header.code].length);
		CHECK(header.bound == (header.category > 0) && header.bound == (header.key_id != 0));
		CHECK(header.tagged == (header.tag != NULL));
		for (size_t i = 0; i < header.sealed_len; i++)
			sum += header.sealed[i];
		for (int i = 0; header.tagged && i < CRYPTO_TAG_BYTES; i++)
			sum += header.tag[i];
	}
	free(copy);
}

static void
check_armour(const char *text, size_t len)
{
	size_t room;
	uint8 *bytes;
	int n;

	if (!encrypted_is_armour(text, len))
		return;
	room = encrypted_armour_room(len);
	if (room == 0)
		return;
	bytes = malloc(room);
	n = encrypted_decode_armour(text, len, bytes, (int) room);
	CHECK(n <= (int) room);
	if (n >= 0)
		check_value(bytes, n);
	free(bytes);
}

static void
check_round_trip(const uint8 *data, size_t size)
{
	size_t room = ENCRYPTED_ARMOUR_PREFIX + pg_b64_enc_len((int) size);
	char *text = malloc(room);
	uint8 *bytes = malloc(size + 4);
	int n;
	int back;

	memcpy(text, encrypted_armour_prefix, ENCRYPTED_ARMOUR_PREFIX);
	n = pg_b64_encode((const char *) data, (int) size, text + ENCRYPTED_ARMOUR_PREFIX,
					  (int) (room - ENCRYPTED_ARMOUR_PREFIX));
	CHECK(n >= 0);
	back = encrypted_decode_armour(text, ENCRYPTED_ARMOUR_PREFIX + n, bytes, (int) size + 4);
	CHECK(back == (int) size && memcmp(bytes, data, size) == 0);
	free(text);
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	char *text;

	if (size > 1024 * 1024)
		return 0;
	check_value(data, size);
	check_round_trip(data, size);
	check_armour((const char *) data, size);
	/* and with the prefix in front, so that its letters need not be found */
	text = malloc(ENCRYPTED_ARMOUR_PREFIX + size);
	memcpy(text, encrypted_armour_prefix, ENCRYPTED_ARMOUR_PREFIX);
	memcpy(text + ENCRYPTED_ARMOUR_PREFIX, data, size);
	check_armour(text, ENCRYPTED_ARMOUR_PREFIX + size);
	free(text);
	return 0;
}

#ifdef STANDALONE
int
main(int argc, char **argv)
{
	static uint8 data[1024 * 1024];

	for (int i = 1; i < argc; i++)
	{
		FILE *file = fopen(argv[i], "rb");
		size_t size;

		if (file == NULL)
			return 2;
		size = fread(data, 1, sizeof(data), file);
		fclose(file);
		(void) LLVMFuzzerTestOneInput(data, size);
		/* and every bit of it turned */
		for (size_t bit = 0; bit < size * 8 && size <= 4096; bit++)
		{
			data[bit / 8] ^= 1 << (bit % 8);
			(void) LLVMFuzzerTestOneInput(data, size);
			data[bit / 8] ^= 1 << (bit % 8);
		}
	}
	return 0;
}
#endif
