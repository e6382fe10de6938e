-- What proves that a training was completed, such as the number of a certificate.
alter table people_standing add column reference text not null default '';
