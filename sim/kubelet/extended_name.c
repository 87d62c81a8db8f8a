/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes' rule for extended resources: not a native name, and "requests." + name is a qualified
 * name, a DNS-1123 subdomain before the one slash and a label-like part after it.
 */
#include "sim/kubelet/extended_name.h"

#include <stddef.h>
#include <string.h>

enum {
	DOMAIN_BYTES_MAX = 253,
	LABEL_BYTES_MAX = 63,
};

static const char quota_prefix[] = "requests.";
static const char lower_digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char alphanumerics[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static bool is_among(char letter, const char *set)
{
	return letter != '\0' && strchr(set, letter);
}

static bool is_label(const char *text, size_t length, const char *ends, const char *inside)
{
	if (length == 0 || !is_among(text[0], ends) || !is_among(text[length - 1], ends))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_among(text[i], ends) && !is_among(text[i], inside))
			return false;
	return true;
}

/* Labels have no length limit of their own in Kubernetes' check of a subdomain. */
static bool is_subdomain(const char *text, size_t length)
{
	while (length > 0) {
		const char *dot = memchr(text, '.', length);
		size_t label = dot ? (size_t)(dot - text) : length;
		if (!is_label(text, label, lower_digits, "-"))
			return false;
		if (!dot)
			return true;
		text += label + 1;
		length -= label + 1;
	}
	return false;
}

bool extended_name_is_valid(const char *name)
{
	const char *slash = strchr(name, '/');
	if (!slash || strstr(name, "kubernetes.io/") ||
	    strncmp(name, quota_prefix, strlen(quota_prefix)) == 0)
		return false;

	size_t domain = (size_t)(slash - name);
	size_t label = strlen(slash + 1);
	return domain + strlen(quota_prefix) <= DOMAIN_BYTES_MAX && is_subdomain(name, domain) &&
	       label <= LABEL_BYTES_MAX && is_label(slash + 1, label, alphanumerics, "-_.");
}
