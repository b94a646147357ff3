-- A database, and who may use it: the names of res_config_mysql.conf.

CREATE DATABASE IF NOT EXISTS asterisk CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS 'asterisk'@'localhost' IDENTIFIED BY 'change-me';
GRANT SELECT, INSERT, UPDATE, DELETE ON asterisk.* TO 'asterisk'@'localhost';
USE asterisk;
