-- Devices and their registrations, with the columns of Asterisk 13.3.2. SQLite
-- heeds no widths; they are what a MySQL server has room for.

CREATE TABLE sippeers (
    id INTEGER PRIMARY KEY,
    name VARCHAR(40) NOT NULL,
    ipaddr VARCHAR(45),
    port INTEGER,
    regseconds INTEGER,
    defaultuser VARCHAR(40),
    fullcontact VARCHAR(80),
    regserver VARCHAR(20),
    useragent VARCHAR(255),
    lastms INTEGER,
    host VARCHAR(40),
    type VARCHAR(12),
    context VARCHAR(40),
    permit VARCHAR(95),
    deny VARCHAR(95),
    secret VARCHAR(40),
    md5secret VARCHAR(40),
    remotesecret VARCHAR(40),
    transport VARCHAR(12),
    dtmfmode VARCHAR(12),
    directmedia VARCHAR(12),
    nat VARCHAR(29),
    callgroup VARCHAR(40),
    pickupgroup VARCHAR(40),
    language VARCHAR(40),
    disallow VARCHAR(200),
    allow VARCHAR(200),
    insecure VARCHAR(40),
    trustrpid VARCHAR(12),
    progressinband VARCHAR(12),
    promiscredir VARCHAR(12),
    useclientcode VARCHAR(12),
    accountcode VARCHAR(40),
    setvar VARCHAR(200),
    callerid VARCHAR(40),
    amaflags VARCHAR(40),
    callcounter VARCHAR(12),
    busylevel INTEGER,
    allowoverlap VARCHAR(12),
    allowsubscribe VARCHAR(12),
    videosupport VARCHAR(12),
    maxcallbitrate INTEGER,
    rfc2833compensate VARCHAR(12),
    mailbox VARCHAR(40),
    "session-timers" VARCHAR(12),
    "session-expires" INTEGER,
    "session-minse" INTEGER,
    "session-refresher" VARCHAR(12),
    t38pt_usertpsource VARCHAR(40),
    regexten VARCHAR(40),
    fromdomain VARCHAR(40),
    fromuser VARCHAR(40),
    qualify VARCHAR(40),
    defaultip VARCHAR(45),
    rtptimeout INTEGER,
    rtpholdtimeout INTEGER,
    sendrpid VARCHAR(12),
    outboundproxy VARCHAR(40),
    callbackextension VARCHAR(40),
    timert1 INTEGER,
    timerb INTEGER,
    qualifyfreq INTEGER,
    constantssrc VARCHAR(12),
    contactpermit VARCHAR(95),
    contactdeny VARCHAR(95),
    usereqphone VARCHAR(12),
    textsupport VARCHAR(12),
    faxdetect VARCHAR(12),
    buggymwi VARCHAR(12),
    auth VARCHAR(40),
    fullname VARCHAR(40),
    trunkname VARCHAR(40),
    cid_number VARCHAR(40),
    callingpres VARCHAR(40),
    mohinterpret VARCHAR(40),
    mohsuggest VARCHAR(40),
    parkinglot VARCHAR(40),
    hasvoicemail VARCHAR(12),
    subscribemwi VARCHAR(12),
    vmexten VARCHAR(40),
    autoframing VARCHAR(12),
    rtpkeepalive INTEGER,
    "call-limit" INTEGER,
    g726nonstandard VARCHAR(12),
    ignoresdpversion VARCHAR(12),
    allowtransfer VARCHAR(12),
    dynamic VARCHAR(12),
    path VARCHAR(256),
    supportpath VARCHAR(12),
    UNIQUE (name)
);
CREATE INDEX sippeers_name_host ON sippeers (name, host);
CREATE INDEX sippeers_ipaddr_port ON sippeers (ipaddr, port);
CREATE INDEX sippeers_host_port ON sippeers (host, port);

-- Registrations in a table of their own, where extconfig.conf maps sipregs.
CREATE TABLE sipregs (
    id INTEGER PRIMARY KEY,
    name VARCHAR(40) NOT NULL,
    fullcontact VARCHAR(80),
    ipaddr VARCHAR(45),
    port INTEGER,
    username VARCHAR(40),
    regserver VARCHAR(20),
    regseconds INTEGER,
    useragent VARCHAR(255),
    lastms INTEGER,
    path VARCHAR(256),
    UNIQUE (name)
);
CREATE INDEX sipregs_ipaddr_port ON sipregs (ipaddr, port);

-- The engines of this database, each under its systemname: where the others
-- reach it, by what they trust one another, and when it was last there.
CREATE TABLE nodes (
    name VARCHAR(40) NOT NULL,
    address VARCHAR(64) NOT NULL,
    secret VARCHAR(64) NOT NULL,
    seen BIGINT NOT NULL,
    PRIMARY KEY (name)
);

-- Records of calls, where extconfig.conf maps cdr. A column that is left out is
-- not written; one of a name that a plan sets by CDR(name) is. delivery_id keeps
-- a record from being there twice.
CREATE TABLE cdr (
    id INTEGER PRIMARY KEY,
    calldate DATETIME NOT NULL,
    answer DATETIME,
    "end" DATETIME NOT NULL,
    clid VARCHAR(80) NOT NULL DEFAULT '',
    src VARCHAR(80) NOT NULL DEFAULT '',
    dst VARCHAR(80) NOT NULL DEFAULT '',
    dcontext VARCHAR(80) NOT NULL DEFAULT '',
    channel VARCHAR(80) NOT NULL DEFAULT '',
    dstchannel VARCHAR(80) NOT NULL DEFAULT '',
    lastapp VARCHAR(80) NOT NULL DEFAULT '',
    lastdata VARCHAR(255) NOT NULL DEFAULT '',
    duration INTEGER NOT NULL DEFAULT 0,
    billsec INTEGER NOT NULL DEFAULT 0,
    disposition VARCHAR(45) NOT NULL DEFAULT '',
    amaflags VARCHAR(20) NOT NULL DEFAULT '',
    accountcode VARCHAR(80) NOT NULL DEFAULT '',
    peeraccount VARCHAR(80) NOT NULL DEFAULT '',
    uniqueid VARCHAR(150) NOT NULL DEFAULT '',
    linkedid VARCHAR(150) NOT NULL DEFAULT '',
    userfield VARCHAR(255) NOT NULL DEFAULT '',
    call_id VARCHAR(255) NOT NULL DEFAULT '',
    callee_call_id VARCHAR(255) NOT NULL DEFAULT '',
    pdd_ms INTEGER,
    setup_ms INTEGER,
    final_code INTEGER,
    cause INTEGER NOT NULL DEFAULT 0,
    delivery_id VARCHAR(64) NOT NULL,
    UNIQUE (delivery_id)
);
CREATE INDEX cdr_calldate ON cdr (calldate);
CREATE INDEX cdr_accountcode ON cdr (accountcode);

-- Lines of sip.conf and extensions.conf, where extconfig.conf maps these.
CREATE TABLE ast_config (
    id INTEGER PRIMARY KEY,
    cat_metric INTEGER NOT NULL DEFAULT 0,
    var_metric INTEGER NOT NULL DEFAULT 0,
    filename VARCHAR(128) NOT NULL,
    category VARCHAR(128) NOT NULL DEFAULT 'default',
    var_name VARCHAR(128) NOT NULL,
    var_val VARCHAR(2048) NOT NULL,
    commented INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX ast_config_filename ON ast_config (filename, commented);

-- A dialplan, a step a row.
CREATE TABLE extensions (
    id INTEGER PRIMARY KEY,
    context VARCHAR(40) NOT NULL,
    exten VARCHAR(40) NOT NULL,
    priority INTEGER NOT NULL,
    app VARCHAR(40) NOT NULL,
    appdata VARCHAR(256) NOT NULL DEFAULT '',
    UNIQUE (context, exten, priority)
);
