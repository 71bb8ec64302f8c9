// What imapflow.py asks ImapFlow to do; the last line of the output is a JSON object of what it saw.
'use strict';

const { createRequire } = require('module');
const { ImapFlow } = createRequire(process.env.IMAPFLOW + '/')('imapflow');

const open = async (options = {}) => {
    const client = new ImapFlow({
        host: 'localhost',
        port: Number(process.env.PORT),
        secure: process.env.SECURE === 'yes',
        doSTARTTLS: process.env.SECURE === 'yes' ? undefined : true,
        auth: { user: process.env.USER, pass: process.env.PASSWORD },
        logger: false,
        ...options,
    });
    client.on('error', problem => { console.error(problem); process.exit(1); });
    await client.connect();
    return client;
};

// Resolves with the event's argument: a notice from the server, however long it takes.
const hear = (client, name, fits = () => true) => new Promise(resolve => {
    const listen = event => {
        if (fits(event)) {
            client.off(name, listen);
            resolve(event);
        }
    };
    client.on(name, listen);
});

const read = async stream => {
    const pieces = [];
    for await (const piece of stream)
        pieces.push(piece);
    return Buffer.concat(pieces);
};

const uids = async (client, query) => client.search(query, { uid: true });

(async () => {
    const told = {};
    const client = await open({ qresync: true });
    told.special = {};
    for (const box of await client.list())
        if (box.specialUse)
            told.special[box.specialUse] = box.path;

    let lock = await client.getMailboxLock('INBOX');
    told.subjects = [];
    let picture;
    for await (const message of client.fetch('1:*', { envelope: true, bodyStructure: true, flags: true, uid: true })) {
        told.subjects.push(message.envelope.subject);
        if (message.bodyStructure.childNodes)
            picture = message.uid;
    }
    const text = await client.download(picture, '1', { uid: true });
    told.text = (await read(text.content)).toString().trim();
    told.picture = (await read((await client.download(picture, '2', { uid: true })).content)).toString('hex');

    // Filing: flags, a keyword, move, copy, delete; a mailbox whose name is not ASCII.
    await client.mailboxCreate(['Äpfel', 'Birnen']);
    const [one] = await uids(client, { subject: 'letter 1' });
    const exactly = async name => {
        for (const uid of await uids(client, { subject: name }))
            if ((await client.fetchOne(uid, { envelope: true }, { uid: true })).envelope.subject === name)
                return uid;
    };
    await client.messageMove(one, 'Archive', { uid: true });
    await client.messageCopy(await exactly('letter 3'), 'Äpfel/Birnen', { uid: true });
    await client.messageFlagsAdd(await exactly('letter 5'), ['\\Seen', '$label'], { uid: true });
    await client.messageDelete(await exactly('letter 2'), { uid: true });
    told.found = (await uids(client, { subject: 'letter 1' })).length;
    await client.append('Sent', Buffer.from('Subject: sent\r\n\r\nby ImapFlow €\r\n'), ['\\Seen']);
    try {
        await client.status('there is none', { messages: true });
    } catch (refused) {
        told.missing = refused.serverResponseCode || refused.code || String(refused);
    }
    const six = await exactly('letter 6');
    const modseq = client.mailbox.highestModseq;

    // A second session changes things; the first one hears of them while it idles.
    const other = await open();
    await other.mailboxOpen('INBOX');
    const heard = {};
    const idle = client.idle();
    let wait = hear(client, 'exists');
    await other.append('INBOX', Buffer.from('Subject: from the second session\r\n\r\nx\r\n'));
    await wait;
    wait = hear(client, 'exists');
    const gone = await other.append('INBOX', Buffer.from('Subject: soon gone\r\n\r\nx\r\n'));
    heard.exists = (await wait).count;
    wait = hear(client, 'flags', event => event.flags.has('\\Flagged'));
    await other.messageFlagsAdd(six, ['\\Flagged'], { uid: true });
    heard.flags = [...(await wait).flags].filter(flag => flag !== '\\Recent');
    wait = hear(client, 'expunge');
    await other.messageDelete(gone.uid, { uid: true });
    await wait;
    heard.expunged = 1;
    await other.logout();
    told.heard = heard;

    let changed = 0;
    for await (const message of client.fetch('1:*', { uid: true, flags: true }, { uid: true, changedSince: modseq }))
        changed += message.flags.has('\\Flagged') ? 1 : 0;
    told.changed = changed;
    lock.release();
    await client.logout();
    await idle.catch(() => {});
    console.log(JSON.stringify(told));
})().catch(problem => {
    console.error(problem);
    process.exit(1);
});
