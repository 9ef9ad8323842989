/* A security key in software, for ssh-sk-helper to load (the interface is OpenSSH's sk-api.h, version 10).
 * The key handle is the private key itself: good for tests alone. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { ECDSA = 0, ED25519 = 1, FAILED = -1, UNSUPPORTED = -2, USER_PRESENT = 0x01 };

struct sk_enroll_response {
	uint8_t flags;
	uint8_t *public_key;
	size_t public_key_len;
	uint8_t *key_handle;
	size_t key_handle_len;
	uint8_t *signature;
	size_t signature_len;
	uint8_t *attestation_cert;
	size_t attestation_cert_len;
	uint8_t *authdata;
	size_t authdata_len;
};

struct sk_sign_response {
	uint8_t flags;
	uint32_t counter;
	uint8_t *sig_r;
	size_t sig_r_len;
	uint8_t *sig_s;
	size_t sig_s_len;
};

struct sk_option;
struct sk_resident_key;

uint32_t sk_api_version(void) { return 0x000a0000; }

static EC_KEY *ec_of(const uint8_t *scalar, size_t len)
{
	EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	BIGNUM *d = BN_bin2bn(scalar, (int)len, NULL);
	EC_POINT *point = EC_POINT_new(EC_KEY_get0_group(key));
	EC_POINT_mul(EC_KEY_get0_group(key), point, d, NULL, NULL, NULL);
	EC_KEY_set_private_key(key, d);
	EC_KEY_set_public_key(key, point);
	EC_POINT_free(point);
	BN_free(d);
	return key;
}

int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application, uint8_t flags,
	const char *pin, struct sk_option **options, struct sk_enroll_response **enrolled)
{
	struct sk_enroll_response *response = calloc(1, sizeof(*response));
	(void)challenge; (void)challenge_len; (void)application; (void)pin; (void)options;
	response->flags = flags;
	response->key_handle_len = 32;
	response->key_handle = malloc(32);
	if (alg == ECDSA) {
		EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
		EC_KEY_generate_key(key);
		BN_bn2binpad(EC_KEY_get0_private_key(key), response->key_handle, 32);
		response->public_key_len = 65;
		response->public_key = malloc(65);
		EC_POINT_point2oct(EC_KEY_get0_group(key), EC_KEY_get0_public_key(key), POINT_CONVERSION_UNCOMPRESSED,
			response->public_key, 65, NULL);
		EC_KEY_free(key);
	} else if (alg == ED25519) {
		size_t len = 32;
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		EVP_PKEY_get_raw_private_key(key, response->key_handle, &len);
		response->public_key_len = len = 32;
		response->public_key = malloc(32);
		EVP_PKEY_get_raw_public_key(key, response->public_key, &len);
		EVP_PKEY_free(key);
	} else {
		return UNSUPPORTED;
	}
	response->signature = calloc(1, 1);
	response->attestation_cert = calloc(1, 1);
	response->authdata = calloc(1, 1);
	*enrolled = response;
	return 0;
}

int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application, const uint8_t *key_handle,
	size_t key_handle_len, uint8_t flags, const char *pin, struct sk_option **options, struct sk_sign_response **signed_)
{
	struct sk_sign_response *response = calloc(1, sizeof(*response));
	/* What a key signs: SHA-256 of the application, flags, counter, SHA-256 of the data. */
	uint8_t message[32 + 1 + 4 + 32];
	(void)pin; (void)options;
	response->flags = getenv("SECURITY_KEY_UNTOUCHED") != NULL ? 0 : flags & USER_PRESENT;
	response->counter = 0x12345678;
	SHA256((const uint8_t *)application, strlen(application), message);
	message[32] = response->flags;
	for (int at = 0; at < 4; at++)
		message[33 + at] = (uint8_t)(response->counter >> (24 - 8 * at));
	SHA256(data, data_len, message + 37);
	if (alg == ECDSA) {
		uint8_t digest[32];
		EC_KEY *key = ec_of(key_handle, key_handle_len);
		SHA256(message, sizeof(message), digest);
		ECDSA_SIG *signature = ECDSA_do_sign(digest, sizeof(digest), key);
		const BIGNUM *r, *s;
		ECDSA_SIG_get0(signature, &r, &s);
		response->sig_r_len = (size_t)BN_num_bytes(r);
		response->sig_s_len = (size_t)BN_num_bytes(s);
		response->sig_r = calloc(1, 33);
		response->sig_s = calloc(1, 33);
		BN_bn2bin(r, response->sig_r);
		BN_bn2bin(s, response->sig_s);
		ECDSA_SIG_free(signature);
		EC_KEY_free(key);
	} else if (alg == ED25519) {
		EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key_handle, key_handle_len);
		EVP_MD_CTX *context = EVP_MD_CTX_new();
		response->sig_r_len = 64;
		response->sig_r = malloc(64);
		if (EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1
			|| EVP_DigestSign(context, response->sig_r, &response->sig_r_len, message, sizeof(message)) != 1)
			return FAILED;
		EVP_MD_CTX_free(context);
		EVP_PKEY_free(key);
	} else {
		return UNSUPPORTED;
	}
	*signed_ = response;
	return 0;
}

int sk_load_resident_keys(const char *pin, struct sk_option **options, struct sk_resident_key ***keys, size_t *count)
{
	(void)pin; (void)options; (void)keys; (void)count;
	return UNSUPPORTED;
}
