-- Ten telephones. Every password here is public: change them all.

INSERT INTO sippeers (name, type, host, context, secret, callerid, qualify, `call-limit`) VALUES
    ('1001', 'friend', 'dynamic', 'default', 'change-me-1001', '<1001>', 'yes', 2),
    ('1002', 'friend', 'dynamic', 'default', 'change-me-1002', '<1002>', 'yes', 2),
    ('1003', 'friend', 'dynamic', 'default', 'change-me-1003', '<1003>', 'yes', 2),
    ('1004', 'friend', 'dynamic', 'default', 'change-me-1004', '<1004>', 'yes', 2),
    ('1005', 'friend', 'dynamic', 'default', 'change-me-1005', '<1005>', 'yes', 2),
    ('1006', 'friend', 'dynamic', 'default', 'change-me-1006', '<1006>', 'yes', 2),
    ('1007', 'friend', 'dynamic', 'default', 'change-me-1007', '<1007>', 'yes', 2),
    ('1008', 'friend', 'dynamic', 'default', 'change-me-1008', '<1008>', 'yes', 2),
    ('1009', 'friend', 'dynamic', 'default', 'change-me-1009', '<1009>', 'yes', 2),
    ('1010', 'friend', 'dynamic', 'default', 'change-me-1010', '<1010>', 'yes', 2);
