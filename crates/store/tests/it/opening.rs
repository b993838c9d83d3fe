//! What is opened, what is refused, and how that is said.

use countersign_store::{Address, Engine, Store, StoreError};

use crate::place::{both, change, done, one, put};

#[test]
fn what_was_written_is_there_when_it_is_opened_again() {
    both("opening again", |place| {
        let store = place.open();
        let rev = done(store.commit(one(change(1, put("grant", "g", None, "active")))).unwrap());
        drop(store);
        let store = place.open();
        assert_eq!(store.item("grant", "g").unwrap().unwrap().rev, rev);
        let next =
            done(store.commit(one(change(2, put("grant", "g", Some(rev), "ended")))).unwrap());
        assert!(next > rev);
    });
}

#[test]
fn many_open_a_new_store_at_once_and_one_makes_it() {
    both("opening at once", |place| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| place.open())).collect();
            for thread in threads {
                let schema = thread.join().unwrap().meta("schema").unwrap().unwrap();
                assert_eq!(schema.parse::<usize>().unwrap(), countersign_store::SCHEMA);
            }
        });
    });
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    both("newer schemas", |place| {
        drop(place.open());
        place.run("update meta set value = '7' where name = 'schema'");
        let error = Store::open(&place.address).unwrap_err();
        assert!(matches!(error, StoreError::Newer { has: 7, .. }), "{error}");
        assert!(error.to_string().contains("use the program that wrote it"), "{error}");
        place.run("update meta set value = 'x' where name = 'schema'");
        assert!(matches!(Store::open(&place.address), Err(StoreError::Foreign(_))));
        place.run("delete from meta where name = 'schema'");
        assert!(matches!(Store::open(&place.address), Err(StoreError::Foreign(_))));
    });
}

#[test]
fn the_tables_of_another_program_are_left_alone() {
    both("foreign tables", |place| {
        place.run("create table orders (id bigint)");
        let error = Store::open(&place.address).unwrap_err();
        assert!(error.to_string().contains("of its own"), "{error}");
        place.run("insert into orders (id) values (1); drop table orders");
        assert!(Store::open(&place.address).is_ok());
    });
}

#[test]
fn a_file_that_is_no_store_is_named_as_such() {
    let folder = countersign_testkit::Folder::new("foreign");
    let path = folder.at("notes.txt");
    std::fs::write(&path, "these are my notes ".repeat(500)).unwrap();
    let error = Store::open(&Address::Sqlite(path.clone())).unwrap_err();
    assert!(error.to_string().contains("no SQLite database"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "these are my notes ".repeat(500));
}

#[test]
fn addresses_are_read_and_a_password_is_never_shown() {
    assert_eq!("a/b".parse::<Address>().unwrap(), Address::Sqlite("a/b".into()));
    assert_eq!("sqlite:a".parse::<Address>().unwrap(), Address::Sqlite("a".into()));
    for wrong in ["", "mysql://a", "sqlite:"] {
        assert!(matches!(wrong.parse::<Address>(), Err(StoreError::Url(_))), "{wrong}");
    }
    let address: Address = "postgres://u:sesame@127.0.0.1:1/d".parse().unwrap();
    assert!(!format!("{address:?}").contains("sesame"));
    let error = Store::open(&address).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("sesame"), "{error:?}");
    let error = Store::open(&"postgres://u:sesame@:bad:/d".parse().unwrap()).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("sesame"), "{error:?}");
}

#[test]
fn a_copy_is_whole_while_others_write() {
    both("copies", |place| {
        let store = place.open();
        if store.engine() == Engine::Postgres {
            assert!(
                Store::copy(&place.address, &place.folder.at("copy")).is_err(),
                "it has tools of its own"
            );
            return;
        }
        let copy = place.folder.at("copy.sqlite");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for id in 0..100 {
                    let put = put("grant", &id.to_string(), None, "active");
                    done(store.commit(one(change(id, put))).unwrap());
                }
            });
            while store.changes(<_>::default(), 100).unwrap().len() < 10 {
                std::thread::yield_now();
            }
            Store::copy(&place.address, &copy).unwrap();
        });
        let copy = Store::open(&Address::Sqlite(copy)).unwrap();
        let changes = copy.changes(<_>::default(), 1000).unwrap();
        assert!(changes.len() >= 10);
        for change in &changes {
            assert_eq!(copy.made_by(change.cursor.seq).unwrap().len(), 1);
        }
        let page = countersign_store::items::Filter { limit: 500, ..<_>::default() };
        assert_eq!(copy.page("grant", &page).unwrap().len(), changes.len());
    });
}

#[test]
fn tls_is_used_when_it_is_asked_for_and_only_with_a_server_that_is_known() {
    let suite = "TLS to PostgreSQL";
    let Some((server, certificate, port)) = countersign_testkit::Postgres::start_with_tls(suite)
    else {
        return;
    };
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    let at = |rest: &str| -> Address {
        format!("postgres://countersign@127.0.0.1:{port}/{name}{rest}").parse().unwrap()
    };
    let root = certificate.to_str().unwrap().replace('/', "%2F");
    let store = Store::open(&at(&format!("?sslmode=require&sslrootcert={root}"))).unwrap();
    done(store.commit(one(change(1, put("grant", "g", None, "active")))).unwrap());
    let mut session = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    let count = "select count(*) from pg_stat_ssl join pg_stat_activity using (pid) \
                 where application_name = 'countersign' and ssl";
    assert!(session.query_one(count, &[]).unwrap().get::<_, i64>(0) > 0, "encrypted");
    let unknown = Store::open(&at("?sslmode=require")).unwrap_err();
    assert!(matches!(unknown, StoreError::Postgres(_) | StoreError::Tls(_)), "{unknown:?}");
    let elsewhere = at(&format!("?sslmode=require&sslrootcert={root}.not"));
    assert!(matches!(Store::open(&elsewhere), Err(StoreError::Tls(_))));
    let half = Store::open(&at(&format!("?sslrootcert={root}"))).unwrap_err();
    assert!(half.to_string().contains("sslmode=require"), "{half}");
}
