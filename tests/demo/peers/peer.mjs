// npm xml-crypto: peer.mjs TEMPLATE KEY CERTIFICATE SECONDS FOLDER
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [template, keyFile, certificateFile, seconds, folder] = process.argv.slice(2);
// Installed beside the bench's other tools, not beside this file.
const { SignedXml } = createRequire(process.env.PEER_MODULES + "/")("xml-crypto");
const text = readFileSync(template, "utf8").replace(/<ds:Signature .*<\/ds:Signature>/s, "");
const [privateKey, publicCert] = [keyFile, certificateFile].map((file) => readFileSync(file, "utf8"));
const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";

function sign() {
  const signature = new SignedXml({ privateKey, publicCert, idAttribute: "ID" });
  signature.signatureAlgorithm = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
  signature.canonicalizationAlgorithm = exclusive;
  signature.addReference({
    xpath: "/*",
    digestAlgorithm: "http://www.w3.org/2001/04/xmlenc#sha256",
    transforms: ["http://www.w3.org/2000/09/xmldsig#enveloped-signature", exclusive],
  });
  const location = { reference: "/*/*[local-name(.)='Issuer']", action: "after" };
  signature.computeSignature(text, { prefix: "ds", location });
  return signature.getSignedXml();
}

const cpu = () => { const used = process.cpuUsage(); return used.user + used.system; };
// A third of the time is for the compiler, and is not counted.
const warm = performance.now() + (seconds / 3) * 1000, end = warm + seconds * 1000;
let count = 0, before = 0, counting = false, last;
while (performance.now() < end) {
  if (!counting && performance.now() >= warm) [counting, count, before] = [true, 0, cpu()];
  const signed = sign();
  if (last === undefined) writeFileSync(`${folder}/first.xml`, signed);
  last = signed;
  count += 1;
}
const used = cpu() - before;
writeFileSync(`${folder}/last.xml`, last);
console.log(count, used);
