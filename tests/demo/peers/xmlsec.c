// libxmlsec1 with OpenSSL: parses the template, signs it, writes it out; the key is read once.
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xmlsec/crypto.h>
#include <xmlsec/templates.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void keep(const char *folder, const char *name, const xmlChar *text, int len) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.xml", folder, name);
    FILE *file = fopen(path, "w");
    if (!file || fwrite(text, 1, len, file) != (size_t)len || fclose(file) != 0) exit(1);
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    static char text[1 << 16];
    FILE *file = fopen(argv[1], "r");
    if (!file) return 1;
    int len = fread(text, 1, sizeof text, file);
    fclose(file);
    xmlInitParser();
    if (xmlSecInit() < 0 || xmlSecCryptoAppInit(NULL) < 0 || xmlSecCryptoInit() < 0) return 1;
    xmlSecKeyPtr key = xmlSecCryptoAppKeyLoad(argv[2], xmlSecKeyDataFormatPem, NULL, NULL, NULL);
    if (!key) return 1;
    double time = atof(argv[4]), began = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    long count = 0;
    xmlChar *out = NULL;
    int out_len = 0;
    while (seconds(CLOCK_MONOTONIC) - began < time) {
        xmlDocPtr doc = xmlParseMemory(text, len);
        xmlNodePtr root = xmlDocGetRootElement(doc);
        xmlAttrPtr id = xmlHasProp(root, BAD_CAST "ID");
        xmlChar *value = xmlGetProp(root, BAD_CAST "ID");
        xmlAddID(NULL, doc, value, id);
        xmlFree(value);
        xmlSecDSigCtxPtr context = xmlSecDSigCtxCreate(NULL);
        context->signKey = xmlSecKeyDuplicate(key);
        if (xmlSecDSigCtxSign(context, xmlSecFindNode(root, xmlSecNodeSignature, xmlSecDSigNs)) < 0) return 1;
        xmlSecDSigCtxDestroy(context);
        xmlFree(out);
        xmlDocDumpMemory(doc, &out, &out_len);
        xmlFreeDoc(doc);
        if (count++ == 0) keep(argv[5], "first", out, out_len);
    }
    keep(argv[5], "last", out, out_len);
    printf("%ld %.0f\n", count, (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6);
    return 0;
}
