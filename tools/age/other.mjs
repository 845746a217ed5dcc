// Opens an age file with a key, or encrypts one to the recipient of a key: `node other.mjs open|seal KEY FROM TO`.
import { readFileSync, writeFileSync } from "node:fs"
import { Decrypter, Encrypter, identityToRecipient } from "age-encryption"

const [verb, key, from, to] = process.argv.slice(2)
if (verb === "open") {
    const decrypter = new Decrypter()
    decrypter.addIdentity(key)
    writeFileSync(to, await decrypter.decrypt(readFileSync(from)))
} else {
    const encrypter = new Encrypter()
    encrypter.addRecipient(await identityToRecipient(key))
    writeFileSync(to, await encrypter.encrypt(readFileSync(from)))
}
